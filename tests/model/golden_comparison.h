// How a run under reference numerics compares with a golden case, decision by decision: for the
// tests and for the table that `make goldens` prints.
#pragma once

#include <cstdint>

#include "model/golden_case.h"

namespace levin::model::testing {

/// Scores of the indexer are sums of about index_n_heads products near 1.
inline constexpr float kIndexScoreTolerance = 1e-3F;

/// Decisions that lie away from a tie (topk_safe, router_safe).
struct DecisionCount {
  int64_t compared = 0;
  int64_t differing = 0;
};

/// Differences are the largest absolute ones over all rows and layers, infinity where a value is
/// missing or not a number.
struct GoldenComparison {
  float logits = 0.0F;
  double typical_rows_fraction = 0.0;  ///< rows of logits within the typical tolerance
  float hidden = 0.0F;
  int64_t score_rows = 0;  ///< rows of index scores that the run recorded
  float index_scores = 0.0F;
  float router_weights = 0.0F;  ///< where the experts are equal
  DecisionCount selections;     ///< rows of topk_mask
  DecisionCount experts;        ///< sets of experts
};

/// `result` needs a trace.
GoldenComparison compare_with_golden(const GoldenCase& golden, const RunResult& result);

/// Whether everything lies within the tolerances of the case and no decision differs.
bool reproduces(const GoldenCase& golden, const GoldenComparison& comparison);

}  // namespace levin::model::testing
