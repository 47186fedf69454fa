// How much working memory a step takes, reckoned from the configuration.
#pragma once

#include <cstdint>

#include "model/config.h"

namespace levin::model {

/// Rows of absorbed queries that are alive at once: at the real shape one takes 0.6 MB.
inline constexpr int64_t kAbsorbedTile = 128;

/// Expert rows that are alive at once; experts beyond them go into the next group.
inline constexpr int64_t kExpertGroupRows = 4096;

/// Anonymous memory of a step of `tokens` tokens under fast numerics: the activations of step.h,
/// the workspace of the largest op and the threads' scratch memory. Without cache and weights.
int64_t activation_bytes(const Config& config, bool is_sparse, int threads, int64_t tokens);

}  // namespace levin::model
