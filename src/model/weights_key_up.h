// W^UK of every layer, transposed for the absorbed form of attention. Private to weights*.cpp.
#pragma once

#include "model/weights_arena.h"
#include "model/weights_tasks.h"

namespace levin::model {

/// Bytes of one layer's k_up_transposed.
[[nodiscard]] int64_t key_up_bytes(const Config& config) noexcept;

/// Source bytes that make_key_up reads for all layers, for progress.
[[nodiscard]] int64_t key_up_source_bytes(const Config& config, const Weights& weights) noexcept;

/// Fills k_up_transposed of every layer from its kv_b_proj (see AttentionWeights). Transposed,
/// because the absorbed query q~ = (W^UK)^T q then is an ordinary product with contiguous rows.
/// Throws Error(kInvalidFile) for NaN or infinity in kv_b_proj.
void make_key_up(const Config& config, Weights& weights, WeightsArena& arena,
                 base::ThreadPool& pool, const LoadOptions& options, LoadProgress& progress);

}  // namespace levin::model
