#include "train/run/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/append_line.h"
#include "base/error.h"
#include "base/files.h"
#include "formats/json.h"

namespace levin::train::run {
namespace {

using base::ErrorCode;
using base::throw_error;
using nlohmann::json;

constexpr int64_t kMaxMetricsBytes = int64_t{1} << 32;

/// Calls visit(key, field) for every field, in the order of the file.
template <typename Metrics, typename Visit>
void visit_fields(Metrics& metrics, const Visit& visit) {
  visit("step", metrics.step);
  visit("stage", metrics.stage);
  visit("kind", metrics.kind);
  visit("stage_step", metrics.stage_step);
  visit("tokens", metrics.tokens);
  visit("seconds", metrics.seconds);
  visit("tokens_per_s", metrics.tokens_per_s);
  visit("lr_factor", metrics.lr_factor);
  visit("loss", metrics.loss);
  visit("text_loss", metrics.text_loss);
  visit("answer_loss", metrics.answer_loss);
  visit("value_accuracy", metrics.value_accuracy);
  visit("value_accuracy_mean", metrics.value_accuracy_mean);
  visit("gradient_norm", metrics.gradient_norm);
  visit("max_expert_load", metrics.max_expert_load);
  visit("layer_kl", metrics.layer_kl);
}

/// Leaves out what is empty or no number.
struct FieldWriter {
  nlohmann::ordered_json& line;

  void operator()(const char* key, const std::optional<double>& value) const {
    if (value && std::isfinite(*value)) {
      line[key] = *value;
    }
  }
  void operator()(const char* key, const std::vector<double>& values) const {
    if (!values.empty()) {
      line[key] = values;
    }
  }
  template <typename Value>
  void operator()(const char* key, const Value& value) const {
    line[key] = value;
  }
};

struct FieldReader {
  const json& line;

  void operator()(const char* key, std::optional<double>& value) const {
    if (line.contains(key)) {
      value = line.at(key).get<double>();
    }
  }
  void operator()(const char* key, std::vector<double>& values) const {
    if (line.contains(key)) {
      line.at(key).get_to(values);
    }
  }
  template <typename Value>
  void operator()(const char* key, Value& value) const {
    line.at(key).get_to(value);
  }
};

std::string to_line(const StepMetrics& metrics) {
  nlohmann::ordered_json line;
  visit_fields(metrics, FieldWriter{line});
  return line.dump();
}

StepMetrics from_line(const json& line) {
  StepMetrics metrics;
  visit_fields(metrics, FieldReader{line});
  return metrics;
}

/// Calls visit(text, json) for every whole line of a file; a torn last line is left out.
template <typename Visit>
void visit_lines(const std::string& path, const Visit& visit) {
  if (!std::filesystem::exists(path)) {
    return;
  }
  const std::string text = base::read_file(path, kMaxMetricsBytes);
  int64_t number = 0;
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string where = fmt::format("{}:{}", path, ++number);
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    const json parsed = formats::parse_json(line, where);
    try {
      visit(line, parsed);
    } catch (const json::exception&) {
      throw_error(ErrorCode::kInvalidFile, where, "this is no line of metrics");
    }
  }
}

}  // namespace

void append_metrics(const std::string& path, const StepMetrics& metrics) {
  base::append_line(path, to_line(metrics));
}

std::vector<StepMetrics> read_metrics(const std::string& path) {
  std::vector<StepMetrics> all;
  visit_lines(path, [&](std::string_view, const json& line) { all.push_back(from_line(line)); });
  return all;
}

void cut_after_step(const std::string& path, int64_t last_step) {
  if (!std::filesystem::exists(path)) {
    return;
  }
  std::string kept;
  visit_lines(path, [&](std::string_view text, const json& line) {
    if (line.at("step").get<int64_t>() <= last_step) {
      kept.append(text).push_back('\n');
    }
  });
  base::write_file_atomically(path, kept);
}

}  // namespace levin::train::run
