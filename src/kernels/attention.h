// The core of MLA in its two algebraic forms, over a paged cache.
// Source: model.md 1.5 and 1.9; DeepSeek-V3.2-Exp inference/model.py, MLA.forward.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/context.h"
#include "kernels/kv_layout.h"
#include "tensor/view.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels {

using tensor::TensorView;
using tensor::WeightMatrix;

struct MlaDims {
  int64_t num_attention_heads = 0;
  int64_t kv_lora_rank = 0;
  int64_t qk_nope_head_dim = 0;
  int64_t qk_rope_head_dim = 0;
  int64_t v_head_dim = 0;
  float softmax_scale = 1.0F;
};

/// Writes latent rows to the cache: rows [tokens, kv_lora_rank + qk_rope_head_dim] f32, stored as
/// bf16 or f32 after the layout, at positions first_pos, first_pos + 1, ...
void store_latent_rows(Context& ctx, TensorView<const float, 2> rows, const KvLayerView& kv,
                       int64_t first_pos);

// The fast forms throw Error(kUnsupported) if a key and a value together exceed kAttentionTileDims
// numbers; every op throws Error(kInternal) on a shape mismatch.

/// What one query token of absorbed attention reads.
struct AbsorbedQuery {
  KvLayerView kv;
  /// Positions to read, ascending. Empty: all of [0, kv_tokens).
  std::span<const int32_t> positions;
  int64_t kv_tokens = 0;
};

/// Absorbed (MQA) form, fast numerics, bf16 cache: one gathered latent row is the key of all heads
/// and, in front, their value. Reads exactly the rows that the queries name.
///   q    [tokens, heads, kv_lora_rank + qk_rope_head_dim] f32: W_UK^T q_nope, then rotated q_rope
///   out  [tokens, heads, kv_lora_rank] f32, written
/// A query's bits depend on its positions alone: the list is cut in splits whose size depends on
/// its length, and their partial results are merged in order.
/// Returns the number of latent rows read (a test holds it against index_topk).
int64_t absorbed_attention(Context& ctx, TensorView<const float, 3> q,
                           std::span<const AbsorbedQuery> queries, const MlaDims& dims,
                           TensorView<float, 3> out);

/// Cached tokens whose keys and values are expanded at once: a multiple of the tile and of the
/// page.
inline constexpr int64_t kExpandedBlockTokens = 256;

/// Tokens of a sequence, one after another, that expanded attention computes.
struct ExpandedChunk {
  KvLayerView kv;
  int64_t first_pos = 0;  ///< position of the first one
  int64_t first_row = 0;  ///< its row in q and out
  int64_t tokens = 0;     ///< at least one
};

/// Expanded (MHA) form for prefill, fast numerics, bf16 cache: keys and values of a block of tokens
/// (aligned to absolute positions) are expanded from the latent with kv_b_proj, one head a task.
/// Chunks in neighbouring rows whose sequences share pages (questions about one document) share
/// their expansion, and a query's bits do not depend on it.
///   q    [tokens, heads, qk_nope_head_dim + qk_rope_head_dim] f32
///   out  [tokens, heads, v_head_dim] f32, the rows of the chunks are written
/// Causal: the query at position p reads [0, p]. Returns the number of latent rows expanded.
int64_t expanded_attention(Context& ctx, TensorView<const float, 3> q,
                           std::span<const ExpandedChunk> chunks, const WeightMatrix& kv_b_proj,
                           const MlaDims& dims, TensorView<float, 3> out);

/// Both forms in plain float32 over an f32 cache (reference numerics). `kv_b` is kv_b_proj as
/// float32, [heads * (nope + v), kv_lora_rank]: dequantised, or for prefill of an FP8 model already
/// multiplied (see expanded_attention_reference).
int64_t absorbed_attention_reference(Context& ctx, TensorView<const float, 3> q,
                                     std::span<const AbsorbedQuery> queries, const MlaDims& dims,
                                     TensorView<float, 3> out);

/// Prefill of one query block: `expanded` [kv_tokens, heads * (nope + v)] f32 is kv_b_proj applied
/// to the cached latents (linear_reference, so that FP8 models quantise its input), `positions[i]`
/// the ascending positions that query i reads (empty: all of [0, first_pos + i]).
///   q [tokens, heads, nope + rope] f32, out [tokens, heads, v_head_dim] f32, written
int64_t expanded_attention_reference(Context& ctx, TensorView<const float, 3> q, int64_t first_pos,
                                     const KvLayerView& kv, TensorView<const float, 2> expanded,
                                     std::span<const std::span<const int32_t>> positions,
                                     const MlaDims& dims, TensorView<float, 3> out);

}  // namespace levin::kernels
