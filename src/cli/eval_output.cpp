#include "cli/eval_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "base/files.h"
#include "eval/lookup_depths.h"

namespace levin::cli {
namespace {

using nlohmann::json;

/// An end that is not known becomes null.
json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }

json estimate_json(const eval::Estimate& estimate) {
  return {{"value", number(estimate.value)},
          {"low", number(estimate.low)},
          {"high", number(estimate.high)}};
}

const char* kind_name(eval::MeasureKind kind) {
  switch (kind) {
    case eval::MeasureKind::kLookups:
      return "lookups";
    case eval::MeasureKind::kPerplexity:
      return "perplexity";
    case eval::MeasureKind::kMass:
      return "mass";
  }
  return "";
}

json row_json(const eval::ReportRow& row) {
  json entry = estimate_json(row.value);
  entry["kind"] = kind_name(row.kind);
  entry["measure"] = row.measure;
  entry["context"] = row.length;
  entry["rule"] = row.rule;
  entry["count"] = row.count;
  if (row.difference.has_value()) {
    entry["difference"] = estimate_json(*row.difference);
  }
  if (row.baseline_difference.has_value()) {
    entry["baseline_difference"] = estimate_json(*row.baseline_difference);
  }
  return entry;
}

json depths_json(const EvalOutput& output, const eval::Contestant& contestant) {
  json entries = json::array();
  for (const eval::DepthCounts& counts :
       eval::count_by_depth(output.documents, contestant.answers)) {
    json bins = json::array();
    for (const eval::DepthCount& bin : counts.bins) {
      bins.push_back({{"right", bin.right}, {"total", bin.total}});
    }
    entries.push_back({{"rule", contestant.name},
                       {"measure", counts.measure},
                       {"context", counts.length},
                       {"bins", std::move(bins)}});
  }
  return entries;
}

/// A name for a file: letters, digits and "+" as they are, everything else "-".
std::string file_word(const std::string& name) {
  std::string word;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '+' || c == '_';
    if (is_plain) {
      word += c;
    } else if (!word.empty() && word.back() != '-') {
      word += '-';
    }
  }
  return word.ends_with('-') ? word.substr(0, word.size() - 1) : word;
}

}  // namespace

const char* stage_name(eval::EvalStage stage) noexcept {
  switch (stage) {
    case eval::EvalStage::kLookups:
      return "look-ups";
    case eval::EvalStage::kText:
      return "text";
    case eval::EvalStage::kMass:
      return "attention mass";
  }
  return "";
}

json report_json(const EvalOutput& output, std::span<const eval::ReportRow> rows) {
  json report = {{"model", output.model},  {"budget", output.budget}, {"seed", output.seed},
                 {"rules", json::array()}, {"rows", json::array()},   {"depths", json::array()}};
  if (!output.baseline.empty()) {
    report["baseline"] = output.baseline;
  }
  for (const eval::ReportRow& row : rows) {
    report["rows"].push_back(row_json(row));
  }
  for (const eval::Contestant& contestant : output.contestants) {
    report["rules"].push_back(contestant.name);
    for (json& entry : depths_json(output, contestant)) {
      report["depths"].push_back(std::move(entry));
    }
  }
  return report;
}

std::string answer_lines(const EvalOutput& output) {
  std::string lines;
  for (size_t document_idx = 0; document_idx < output.documents.size(); ++document_idx) {
    const eval::LookupDocument& document = output.documents[document_idx];
    for (size_t idx = 0; idx < document.questions.size(); ++idx) {
      const eval::LookupQuestion& question = document.questions[idx];
      nlohmann::ordered_json line = {{"id", document.id},
                                     {"question", question.question},
                                     {"answer", question.answer},
                                     {"depth", question.depth},
                                     {"rules", nlohmann::ordered_json::object()}};
      for (const eval::Contestant& contestant : output.contestants) {
        const eval::LookupAnswer& answer = contestant.answers[document_idx][idx];
        line["rules"][contestant.name] = {{"text", answer.text}, {"right", answer.is_right}};
      }
      lines += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    }
  }
  return lines;
}

void write_heat_maps(const EvalOutput& output, const std::string& folder) {
  for (const eval::Contestant& contestant : output.contestants) {
    const std::vector<eval::DepthCounts> counts =
        eval::count_by_depth(output.documents, contestant.answers);
    std::set<std::string> measures;
    for (const eval::DepthCounts& entry : counts) {
      measures.insert(entry.measure);
    }
    for (const std::string& measure : measures) {
      base::write_file_atomically(
          fmt::format("{}/{}.{}.svg", folder, file_word(measure), file_word(contestant.name)),
          eval::depth_heat_map(counts, measure, contestant.name));
    }
  }
}

}  // namespace levin::cli
