// One step on its way through the layers: the chunks laid end to end, and the buffers that all
// layers share. Row i of every activation belongs to token i of the step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/index_select.h"
#include "kernels/kv_layout.h"
#include "model/forward.h"
#include "model/rope.h"
#include "tensor/buffer.h"
#include "tensor/view.h"

namespace levin::model {

using tensor::Tensor;
using tensor::TensorView;

/// What stays the same from step to step.
struct ModelContext {
  const Config& config;
  const Weights& weights;
  kernels::Context& kernels;
  ForwardOptions options;
  kernels::KvLayout layout;
  bool is_sparse;            ///< queries beyond selection_budget read a selection
  int64_t selection_budget;  ///< index_topk, or what a rule puts in its place

  [[nodiscard]] bool is_reference() const noexcept {
    return options.numerics == Numerics::kReference;
  }
};

/// Which positions each token of the step reads. Tokens of dense sequences, and all of a step in
/// which nobody has to select, have none listed and read everything up to themselves.
struct Selection {
  Tensor<int32_t, 2>
      positions;                // [tokens, selection_budget], ascending; rows beyond `counts` unset
  std::vector<int32_t> counts;  // [tokens], 0 of dense sequences
  bool is_set = false;
  /// Set instead of the above when a test forces the selection.
  const std::vector<std::vector<int32_t>>* forced = nullptr;

  /// Positions that token `row` reads, empty for "all up to itself".
  [[nodiscard]] std::span<const int32_t> row(int64_t row) const;
};

/// Memory that every layer uses in turn.
struct Activations {
  Tensor<float, 2> hidden;      // [tokens, hidden_size] residual stream
  Tensor<float, 2> normed;      // [tokens, hidden_size] input of the current block
  Tensor<float, 2> block_out;   // [tokens, hidden_size] output of the current block
  Tensor<float, 2> q_latent;    // [tokens, q_lora_rank] compressed query, normed
  Tensor<float, 2> q;           // [tokens, heads * qk_head_dim]
  Tensor<float, 2> kv;          // [tokens, kv_lora_rank + qk_rope_head_dim]
  Tensor<float, 2> heads_out;   // [tokens, heads * v_head_dim]
  Tensor<float, 3> q_absorbed;  // [tile, heads, kv_lora_rank + qk_rope_head_dim]
  Tensor<float, 3> latent_out;  // [tile, heads, kv_lora_rank]
  Tensor<float, 2> kv_b;        // reference: kv_b_proj in float32
  Tensor<float, 2> k_up;        // reference: its key part, transposed per head
  Tensor<float, 2> expanded;    // reference: [kv_tokens, heads * (nope + v)]
  Tensor<float, 2> index_q;     // [tokens, index_n_heads * index_head_dim]
  Tensor<float, 2> index_k;     // [tokens, index_head_dim]
  Tensor<float, 2> index_w;     // [tokens, index_n_heads]
  kernels::IndexQueries index_queries;
  Tensor<float, 2> router_logits;   // [tokens, n_routed_experts]
  Tensor<int32_t, 2> router_ids;    // [tokens, num_experts_per_tok]
  Tensor<float, 2> router_weights;  // [tokens, num_experts_per_tok]
  Tensor<float, 2> expert_in;       // [rows of an expert group, hidden_size]
  Tensor<float, 2> gate;            // [rows, width]
  Tensor<float, 2> up;              // [rows, width]
  Tensor<float, 2> expert_out;      // [rows, hidden_size]
};

struct Step {
  std::span<const Chunk> chunks;
  std::vector<int64_t> first_row;  // [chunks] row of each chunk's first token
  std::vector<int64_t> positions;  // [tokens]
  int64_t tokens = 0;
  RopeTable rope;
  Selection selection;
  Activations activations;
  StepStats stats;
  StepTime time;
  Trace* trace = nullptr;                   // may be null
  const ForcedDecisions* forced = nullptr;  // may be null

  explicit Step(const Config& config) : rope(config) {}

  /// Takes over the chunks of a new step. Throws Error(kInvalidArgument) for bad ids or positions.
  void begin(const Config& config, std::span<const Chunk> new_chunks);

  /// Chunk `chunk_idx`'s cache in layer `layer_idx`.
  [[nodiscard]] kernels::KvLayerView kv(size_t chunk_idx, int64_t layer_idx,
                                        const kernels::KvLayout& layout) const;
  [[nodiscard]] int64_t chunk_tokens(size_t chunk_idx) const {
    return static_cast<int64_t>(chunks[chunk_idx].tokens.size());
  }
  /// The most positions that a token of a sequence that is not dense sees; 0 if all are dense.
  [[nodiscard]] int64_t longest_selecting() const;
  [[nodiscard]] LayerTrace* layer_trace(int64_t layer_idx) const {
    return trace == nullptr ? nullptr : &trace->layers[static_cast<size_t>(layer_idx)];
  }
};

/// Copies a tensor, rows may be strided.
template <typename T>
void copy_rows(TensorView<const T, 2> from, Tensor<T, 2>& to) {
  to.resize(from.extents());
  for (int64_t row = 0; row < from.extent(0); ++row) {
    std::copy_n(from.row(row), from.extent(1), to.view().row(row));
  }
}

/// A contiguous [rows, heads * dim] tensor seen as [rows, heads, dim].
template <typename T>
[[nodiscard]] TensorView<T, 3> split_heads(TensorView<T, 2> x, int64_t heads) {
  const int64_t dim = x.extent(1) / heads;
  return {x.data(), {x.extent(0), heads, dim}, {x.stride(0), dim, 1}};
}

/// Head `head` of a [rows, heads, dim] tensor: [rows, dim].
template <typename T>
[[nodiscard]] TensorView<T, 2> select_head(TensorView<T, 3> x, int64_t head) {
  return {x.data() + head * x.stride(1), {x.extent(0), x.extent(2)}, {x.stride(0), 1}};
}

}  // namespace levin::model
