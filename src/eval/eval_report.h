// What an evaluation has found, as rows with intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/intervals.h"
#include "eval/lookup_file.h"
#include "eval/lookup_run.h"
#include "eval/mass_run.h"

namespace levin::eval {

/// How well a text was predicted: -log p of the tokens that positions from `first_position` on
/// predict, window by window, in nats.
struct TextScores {
  std::vector<int32_t> tokens;  ///< of the text: scores of equal tokens can be compared
  int64_t window_tokens = 0;
  int64_t first_position = 0;
  std::vector<double> token_nll;
};

/// One checkpoint under one rule.
struct Contestant {
  std::string name;
  std::vector<std::vector<LookupAnswer>> answers;  ///< by document and question; may be empty
  std::optional<TextScores> text;
  std::vector<LayerMass> mass;  ///< by layer; may be empty
  bool is_baseline = false;     ///< another checkpoint: the others are compared with it, too
};

enum class MeasureKind {
  kLookups,     ///< share of right answers; differences in shares
  kPerplexity,  ///< differences as a share of the first's
  kMass,        ///< share of attention mass; no differences
};

struct ReportRow {
  MeasureKind kind = MeasureKind::kLookups;
  std::string measure;  ///< "first wording, two hops", "perplexity beyond 512", "mass, layer 3"
  int64_t length = 0;   ///< tokens of context
  std::string rule;     ///< name of the contestant
  int64_t count = 0;    ///< questions, tokens or queries
  Estimate value;
  /// To the first contestant, and to the baseline, over the same questions or text.
  std::optional<Estimate> difference = {};
  std::optional<Estimate> baseline_difference = {};
};

/// "first wording", "second wording, two hops", ...
[[nodiscard]] std::string lookup_measure(const LookupDocument& document);

/// Rows of all measures; within one, lengths ascend, and contestants keep their order. Intervals of
/// look-ups take into account that questions share documents (design_effect). `budget`: from which
/// position on a text is also counted by itself; 0: not.
[[nodiscard]] std::vector<ReportRow> make_report(std::span<const LookupDocument> documents,
                                                 std::span<const Contestant> contestants,
                                                 int64_t budget);

/// The rows as one Markdown table.
[[nodiscard]] std::string report_table(std::span<const ReportRow> rows);

}  // namespace levin::eval
