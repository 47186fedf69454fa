// Bytes that one decode step cannot avoid reading: the yardstick of its speed.
#pragma once

#include <cstdint>

#include "kernels/kv_layout.h"
#include "model/config.h"
#include "model/weights.h"

namespace levin::eval {

/// Weights of one token that sees `kv_tokens`: attention (kv_b_proj by its value rows and the
/// transposed key part), the indexer where `is_sparse` (up to index_topk its key part alone), dense
/// MLP or router, chosen and shared experts, head.
[[nodiscard]] int64_t decode_weight_bytes(const model::Config& config,
                                          const model::Weights& weights, bool is_sparse,
                                          int64_t kv_tokens);

/// Cache of one token that sees `kv_tokens`: latent rows (at most index_topk where `is_sparse`) and
/// every index key, which is read once kv_tokens exceeds index_topk.
[[nodiscard]] int64_t decode_cache_bytes(const model::Config& config,
                                         const kernels::KvLayout& layout, bool is_sparse,
                                         int64_t kv_tokens);

}  // namespace levin::eval
