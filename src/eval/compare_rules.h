// The selection rules that an evaluation compares, by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/forward.h"

namespace levin::eval {

/// "dense", "sparse" (the checkpoint's indexer), and the patterns of model/selection_rule.h.
[[nodiscard]] std::vector<std::string> compare_rule_names();

/// `options` under the rule of that name; each but dense reads `budget` positions (0: the
/// checkpoint's index_topk). `seed` is that of random. Throws Error(kInvalidArgument) listing the
/// names if there is no such rule.
[[nodiscard]] model::ForwardOptions with_rule(model::ForwardOptions options, std::string_view name,
                                              int64_t budget, uint64_t seed);

}  // namespace levin::eval
