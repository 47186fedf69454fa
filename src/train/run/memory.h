// How much memory a step needs: an estimate from shapes, held against measurements in the tests.
#pragma once

#include <cstdint>
#include <string>

#include "model/config.h"
#include "train/recipe/recipe.h"

namespace levin::train::run {

/// Of a number in training.
inline constexpr int64_t kFloatBytes = 4;

/// Ranks of a run, and those of them on this machine, which share its memory.
struct RankCount {
  int64_t all = 1;
  int64_t local = 1;
};

/// Bytes that the warm-up of one layer needs at most for a row, the layer's weights not included.
int64_t warmup_row_memory_bytes(const model::Config& config, int64_t row_tokens);

/// What the stage with the largest step needs, on one rank.
struct MemoryNeed {
  const recipe::StageSettings* stage = nullptr;
  int64_t bytes = 0;
  /// Of them: weights, and gradients and optimizer state of what the stage trains.
  int64_t model_bytes = 0;
};

/// Of the stages from `first_stage_idx` on; those before are done. `config` is the model that they
/// make (config_of_stages): no tensor has to be there yet.
MemoryNeed largest_step(const recipe::Recipe& recipe, const model::Config& config,
                        int64_t first_stage_idx, const RankCount& ranks);

/// "stage "S": a step of 4 rows of 8192 tokens at a time needs about 2.0 GiB on each of 2 ranks
/// here, 6.1 GiB are free".
std::string describe_memory(const MemoryNeed& need, const RankCount& ranks,
                            int64_t available_bytes);

/// Whether the ranks of this machine together have so much; `available_bytes` 0: nobody knows.
[[nodiscard]] bool fits(const MemoryNeed& need, const RankCount& ranks, int64_t available_bytes);

/// Throws Error(kOutOfMemory) with the sentence and what to change unless it fits. `how` says where
/// to change it if not in the recipe itself (way_to_another_recipe); else it is empty.
void require_memory(const MemoryNeed& need, const RankCount& ranks, int64_t available_bytes,
                    const std::string& recipe_path, const std::string& how = "");

}  // namespace levin::train::run
