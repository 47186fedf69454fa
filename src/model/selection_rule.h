// Which positions a query reads where it may not read all: the indexer's choice, or a pattern that
// knows nothing of the content and is there to be compared with.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace levin::model {

/// Patterns read exactly min(budget, position + 1) positions, the query's own among them; so a
/// query that sees no more than its budget reads everything. Sources: Sparse Transformers
/// (arXiv 1904.10509) for kStrided and kFixed, both merged: one set for all heads and layers.
enum class SelectionKind {
  kIndexer,  ///< the largest scores of the checkpoint's lightning indexer
  kRecency,  ///< the last `budget` positions
  /// The first kSinkTokens positions (half the budget where that is less) and the last ones.
  kSinkWindow,
  /// Every l-th position counted back from the query, and the last ones. l is the smallest stride
  /// that leaves l of the budget to the last ones (the paper's window), or, where there is none,
  /// half of the budget.
  kStrided,
  /// The last c positions of every whole block of l positions, and the last ones: blocks of half
  /// the budget, longer where even c = 1 would take more than the other half.
  kFixed,
  kRandom,  ///< drawn without replacement, anew for every query and layer
};

/// Sinks of kSinkWindow.
inline constexpr int64_t kSinkTokens = 4;

struct SelectionRule {
  SelectionKind kind = SelectionKind::kIndexer;
  int64_t budget = 0;  ///< positions that a query reads at most; 0: index_topk of the checkpoint
  uint64_t seed = 0;   ///< of kRandom

  bool operator==(const SelectionRule&) const = default;
};

/// "indexer", "recency", "sink+window", "strided", "fixed", "random".
[[nodiscard]] std::string_view selection_kind_name(SelectionKind kind) noexcept;

/// What the query at `position` reads in layer `layer_idx` under a pattern with the budget
/// positions.size(): ascending, written to the front of `positions`. Returns their number. A
/// function of its arguments alone. `rule.kind` is not kIndexer; `rule.budget` does not count.
int64_t write_pattern(const SelectionRule& rule, int64_t layer_idx, int64_t position,
                      std::span<int32_t> positions);

}  // namespace levin::model
