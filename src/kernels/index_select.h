// The lightning indexer's scores and the deterministic top-k over them.
// Source: model.md 1.7 and 1.8; DeepSeek-V3.2-Exp report, eq. (1); inference/model.py, Indexer.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/context.h"
#include "kernels/kv_layout.h"
#include "tensor/buffer.h"
#include "tensor/view.h"

namespace levin::kernels {

using tensor::TensorView;

struct IndexEncoding {
  IndexKeyFormat key_format = IndexKeyFormat::kE4m3;
  bool hadamard = true;             ///< before the FP8 rounding
  bool power_of_two_scale = false;  ///< scale_fmt ue8m0
};

/// Encodes keys and writes them to the cache at positions first_pos, ...
///   keys [tokens, index_head_dim] f32, normed and rotated
void store_index_keys(Context& ctx, TensorView<const float, 2> keys, const IndexEncoding& encoding,
                      const KvLayerView& kv, int64_t first_pos);

/// Encoded index queries of a step.
struct IndexQueries {
  tensor::Tensor<Bf16, 3> q;         ///< [tokens, index_n_heads, index_head_dim] E4M3 values
  tensor::Tensor<float, 2> weights;  ///< [tokens, index_n_heads], the queries' scales folded in
};

/// Encodes queries.   q [tokens, heads, dim] f32, rotated; weights [tokens, heads] f32, already
/// times index_n_heads^-1/2 * index_head_dim^-1/2
void encode_index_queries(Context& ctx, TensorView<const float, 3> q,
                          TensorView<const float, 2> weights, const IndexEncoding& encoding,
                          IndexQueries& out);

/// One chunk of query tokens of one sequence.
struct IndexChunk {
  int64_t first_row = 0;  ///< row of the chunk's first token in IndexQueries
  int64_t tokens = 0;
  int64_t first_pos = 0;  ///< the query of row i sees keys [0, first_pos + i]
  KvLayerView kv;
};

/// For every query token the min(index_topk, visible) positions of its largest scores, ascending;
/// ties go to the lower position, NaN counts as -inf. Bounded memory at any context: candidates
/// stream through a threshold, [tokens, kv_tokens] is never materialised.
///   selected  [all tokens of the step, index_topk] i32, rows of the chunks' tokens written
///   counts    [all tokens of the step] i32
/// Tokens that see no more than index_topk keys get all of them without scores.
/// If `scores` is given (tests, --dump): [tokens of chunk 0, >= kv_tokens] f32, scores of every
/// visible key of chunk 0 (also where the selection needs none), 0 elsewhere; one chunk only.
void select_top_k(Context& ctx, const IndexQueries& queries, std::span<const IndexChunk> chunks,
                  IndexKeyFormat key_format, int64_t index_topk, TensorView<int32_t, 2> selected,
                  std::span<int32_t> counts, TensorView<float, 2>* scores = nullptr);

/// Workspace that select_top_k takes for a chunk of `tokens` that ends in a context of `kv_tokens`,
/// or for a shorter one: the streams of candidates, and where few queries share their pages out to
/// the threads, a window of scores.
[[nodiscard]] int64_t select_workspace_bytes(int64_t tokens, int64_t kv_tokens, int64_t index_topk,
                                             int threads);

}  // namespace levin::kernels
