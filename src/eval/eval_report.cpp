#include "eval/eval_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace levin::eval {
namespace {

/// Documents of one measure and length: indices.
struct Cell {
  std::string measure;
  int64_t length = 0;
  std::vector<size_t> documents;
};

/// Measures in the order of the file, lengths ascending.
std::vector<Cell> make_cells(std::span<const LookupDocument> documents) {
  std::vector<std::string> measures;
  std::map<std::pair<size_t, int64_t>, std::vector<size_t>> cells;
  for (size_t idx = 0; idx < documents.size(); ++idx) {
    const std::string measure = lookup_measure(documents[idx]);
    const auto found = std::ranges::find(measures, measure);
    const auto measure_idx = static_cast<size_t>(found - measures.begin());
    if (found == measures.end()) {
      measures.push_back(measure);
    }
    cells[{measure_idx, documents[idx].length}].push_back(idx);
  }
  std::vector<Cell> result;
  result.reserve(cells.size());
  for (auto& [key, indices] : cells) {
    result.push_back({measures[key.first], key.second, std::move(indices)});
  }
  return result;
}

/// By document and question: 1 for a right answer.
using Marks = std::vector<std::vector<double>>;

Marks marks_of(const Cell& cell, const Contestant& contestant) {
  Marks marks;
  for (const size_t document_idx : cell.documents) {
    std::vector<double>& of_document = marks.emplace_back();
    for (const LookupAnswer& answer : contestant.answers[document_idx]) {
      of_document.push_back(answer.is_right ? 1.0 : 0.0);
    }
  }
  return marks;
}

/// Of the same questions.
Estimate lookup_difference(const Marks& marks, const Marks& others) {
  PairedCounts counts;
  Marks differences = marks;
  for (size_t document = 0; document < marks.size(); ++document) {
    for (size_t idx = 0; idx < marks[document].size(); ++idx) {
      counts.add(marks[document][idx] > 0.0, others[document][idx] > 0.0);
      differences[document][idx] -= others[document][idx];
    }
  }
  return paired_difference(counts, design_effect(differences));
}

/// Whom the rows are compared with.
struct References {
  const Contestant* first = nullptr;
  const Contestant* baseline = nullptr;  ///< null: there is none
};

References references_of(std::span<const Contestant> contestants) {
  const auto baseline = std::ranges::find_if(contestants, &Contestant::is_baseline);
  return {.first = contestants.data(),
          .baseline = baseline == contestants.end() ? nullptr : &*baseline};
}

/// Sets both differences of a row: `difference` gives that to another contestant, if there is one.
template <typename Difference>
void compare(const Contestant& contestant, const References& references, Difference difference,
             ReportRow& row) {
  if (&contestant != references.first) {
    row.difference = difference(*references.first);
  }
  if (references.baseline != nullptr && &contestant != references.baseline) {
    row.baseline_difference = difference(*references.baseline);
  }
}

ReportRow lookup_row(const Cell& cell, const Contestant& contestant, const References& references) {
  const Marks marks = marks_of(cell, contestant);
  int64_t right = 0;
  int64_t count = 0;
  for (const std::vector<double>& of_document : marks) {
    right += std::ranges::count(of_document, 1.0);
    count += std::ssize(of_document);
  }
  ReportRow row{.kind = MeasureKind::kLookups,
                .measure = cell.measure,
                .length = cell.length,
                .rule = contestant.name,
                .count = count,
                .value = wilson(right, count, design_effect(marks))};
  const auto difference = [&](const Contestant& other) -> std::optional<Estimate> {
    return lookup_difference(marks, marks_of(cell, other));
  };
  compare(contestant, references, difference, row);
  return row;
}

/// Mean of each window over the tokens that positions from `first_position` on predict.
std::vector<double> window_means(const TextScores& text, int64_t first_position) {
  const int64_t scored = text.window_tokens - 1 - text.first_position;
  const int64_t skipped = first_position - text.first_position;
  std::vector<double> means;
  for (int64_t begin = 0; begin < std::ssize(text.token_nll); begin += scored) {
    const auto from = text.token_nll.begin() + begin + skipped;
    const auto to = text.token_nll.begin() + begin + scored;
    means.push_back(std::accumulate(from, to, 0.0) / static_cast<double>(scored - skipped));
  }
  return means;
}

Estimate map(const Estimate& estimate, double (*function)(double)) {
  return {function(estimate.value), function(estimate.low), function(estimate.high)};
}

ReportRow perplexity_row(const std::string& measure, int64_t first_position,
                         const Contestant& contestant, const References& references) {
  const TextScores& text = *contestant.text;
  const std::vector<double> means = window_means(text, first_position);
  ReportRow row{.kind = MeasureKind::kPerplexity,
                .measure = measure,
                .length = text.window_tokens,
                .rule = contestant.name,
                .count = std::ssize(means) * (text.window_tokens - 1 - first_position),
                .value = map(mean_of(means), [](double x) { return std::exp(x); })};
  const auto difference = [&](const Contestant& other) -> std::optional<Estimate> {
    if (!other.text.has_value() || other.text->tokens != text.tokens) {
      return std::nullopt;
    }
    const std::vector<double> others = window_means(*other.text, first_position);
    std::vector<double> differences;
    for (size_t idx = 0; idx < means.size(); ++idx) {
      differences.push_back(means[idx] - others[idx]);
    }
    return map(mean_of(differences), [](double x) { return std::expm1(x); });
  };
  compare(contestant, references, difference, row);
  return row;
}

void add_perplexity_rows(std::span<const Contestant> contestants, const std::string& measure,
                         int64_t first_position, std::vector<ReportRow>& rows) {
  const References references = references_of(contestants);
  for (const Contestant& contestant : contestants) {
    if (contestant.text.has_value()) {
      rows.push_back(perplexity_row(measure, first_position, contestant, references));
    }
  }
}

void add_mass_rows(std::span<const Contestant> contestants, std::vector<ReportRow>& rows) {
  size_t layers = 0;
  for (const Contestant& contestant : contestants) {
    layers = std::max(layers, contestant.mass.size());
  }
  for (size_t layer_idx = 0; layer_idx < layers; ++layer_idx) {
    for (const Contestant& contestant : contestants) {
      if (layer_idx < contestant.mass.size()) {
        const LayerMass& mass = contestant.mass[layer_idx];
        rows.push_back({.kind = MeasureKind::kMass,
                        .measure = fmt::format("mass kept, layer {}", layer_idx),
                        .length = contestant.text->window_tokens,
                        .rule = contestant.name,
                        .count = mass.queries,
                        .value = mass.kept});
      }
    }
  }
}

/// "97.9 [97.1..98.4]"; without the ends where nothing is known about them.
std::string describe(const Estimate& estimate, double factor, int decimals, bool has_sign) {
  const auto number = [&](double value) {
    const std::string text = fmt::format("{:.{}f}", factor * value, decimals);
    return has_sign && !text.starts_with('-') ? "+" + text : text;
  };
  if (!std::isfinite(estimate.low) || !std::isfinite(estimate.high)) {
    return number(estimate.value) + " [?]";
  }
  return fmt::format("{} [{}..{}]", number(estimate.value), number(estimate.low),
                     number(estimate.high));
}

std::string describe_value(const ReportRow& row) {
  return row.kind == MeasureKind::kPerplexity ? describe(row.value, 1.0, 3, false)
                                              : describe(row.value, 100.0, 1, false) + " %";
}

std::string describe_difference(MeasureKind kind, const std::optional<Estimate>& difference) {
  if (!difference.has_value()) {
    return "";
  }
  return kind == MeasureKind::kPerplexity ? describe(*difference, 100.0, 2, true) + " %"
                                          : describe(*difference, 100.0, 1, true) + " pt";
}

}  // namespace

std::string lookup_measure(const LookupDocument& document) {
  return fmt::format("{} wording{}", document.wording, document.hops == 2 ? ", two hops" : "");
}

std::vector<ReportRow> make_report(std::span<const LookupDocument> documents,
                                   std::span<const Contestant> contestants, int64_t budget) {
  std::vector<ReportRow> rows;
  const References references = references_of(contestants);
  for (const Cell& cell : make_cells(documents)) {
    for (const Contestant& contestant : contestants) {
      rows.push_back(lookup_row(cell, contestant, references));
    }
  }
  if (!contestants.empty() && contestants.front().text.has_value()) {
    const int64_t window_tokens = contestants.front().text->window_tokens;
    add_perplexity_rows(contestants, "perplexity", window_tokens / 2, rows);
    if (budget > 0 && budget + 1 < window_tokens) {
      add_perplexity_rows(contestants, fmt::format("perplexity beyond {}", budget), budget, rows);
    }
  }
  add_mass_rows(contestants, rows);
  return rows;
}

std::string report_table(std::span<const ReportRow> rows) {
  const std::string first = rows.empty() ? "" : rows.front().rule;
  std::vector<std::vector<std::string>> lines = {
      {"measure", "context", "rule", "count", "value [95%]", "against " + first + " [95%]"}};
  const bool has_baseline = std::ranges::any_of(
      rows, [](const ReportRow& row) { return row.baseline_difference.has_value(); });
  if (has_baseline) {
    lines.front().push_back("against the baseline [95%]");
  }
  for (const ReportRow& row : rows) {
    lines.push_back({row.measure, std::to_string(row.length), row.rule, std::to_string(row.count),
                     describe_value(row), describe_difference(row.kind, row.difference)});
    if (has_baseline) {
      lines.back().push_back(describe_difference(row.kind, row.baseline_difference));
    }
  }
  std::vector<size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], line[i].size());
    }
  }
  std::string table;
  for (size_t line_idx = 0; line_idx < lines.size(); ++line_idx) {
    for (size_t i = 0; i < widths.size(); ++i) {
      const std::string& cell = lines[line_idx][i];
      // Words to the left, numbers to the right.
      table += i == 0 || i == 2 ? fmt::format("| {:<{}} ", cell, widths[i])
                                : fmt::format("| {:>{}} ", cell, widths[i]);
    }
    table += "|\n";
    for (size_t i = 0; line_idx == 0 && i < widths.size(); ++i) {
      table += fmt::format("|{:-<{}}{}", "", widths[i] + 1, i == 0 || i == 2 ? "-" : ":");
    }
    table += line_idx == 0 ? "|\n" : "";
  }
  return table;
}

}  // namespace levin::eval
