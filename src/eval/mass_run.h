// How much of dense attention a selection keeps, layer by layer, on a text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "eval/intervals.h"
#include "runtime/engine.h"

namespace levin::eval {

struct MassOptions {
  int64_t window_tokens = 2048;
  int64_t windows = 8;            ///< at most
  int64_t queries = 64;           ///< measured in a window, about; evenly spread
  int64_t chunk_tokens = 256;     ///< tokens per step
  std::optional<int32_t> bos_id;  ///< replaces the first token of every window
};

struct LayerMass {
  Estimate kept;  ///< mean over queries that do not see everything; interval over windows
  int64_t queries = 0;
};

/// Per layer: the share of dense attention mass (model/attention_mass.h) at the positions beyond
/// the budget. The first windows of `tokens` are read, as measure_perplexity cuts them. Empty for
/// dense attention and for windows within the budget. `progress` gets the tokens done.
/// Throws Error(kInvalidArgument) for fewer tokens than a window, Error(kContextTooLong),
/// Error(kCancelled).
[[nodiscard]] std::vector<LayerMass> measure_mass(
    runtime::Engine& engine, std::span<const int32_t> tokens, int64_t budget,
    const MassOptions& options, base::FunctionRef<void(int64_t done_tokens)> progress);

}  // namespace levin::eval
