#include "model/activation_memory.h"

#include <algorithm>

#include "kernels/attention.h"
#include "kernels/index_select.h"
#include "kernels/linear_tiles.h"
#include "kernels/op_table.h"
#include "tensor/weight_matrix.h"

namespace levin::model {
namespace {

constexpr int64_t kF32 = 4;
constexpr int64_t kBf16 = 2;

bool is_reference(const StepSize& size) { return size.numerics == kernels::Numerics::kReference; }

/// Positions that a selection holds: no context is longer than the model's.
int64_t selected_positions(const Config& config, const StepSize& size) {
  return std::min(size.selection_budget, config.max_position_embeddings);
}

/// MoE layers come behind the dense ones; a model may have either kind alone.
bool has_moe_layer(const Config& config) {
  return config.is_moe_layer(config.num_hidden_layers - 1);
}
bool has_dense_layer(const Config& config) { return !config.is_moe_layer(0); }

/// Rows of one group of experts at most: shared experts count as one that every token uses.
struct RowCounts {
  int64_t routed = 0;
  int64_t shared = 0;

  [[nodiscard]] int64_t all() const { return routed + shared; }
};

RowCounts row_counts(const Config& config, int64_t tokens) {
  if (!has_moe_layer(config)) {
    return {};
  }
  const int64_t shared = config.n_shared_experts > 0 ? tokens : 0;
  const int64_t all = tokens * config.num_experts_per_tok + shared;
  return {.routed = std::min(all, std::max(kExpertGroupRows, tokens)) - shared, .shared = shared};
}

/// Width of the shared experts, which are stored as one.
int64_t shared_width(const Config& config) {
  return config.moe_intermediate_size * config.n_shared_experts;
}

/// Widest inner layer of the feed-forward parts that the model has.
int64_t widest_feed_forward(const Config& config) {
  const int64_t dense = has_dense_layer(config) ? config.intermediate_size : 0;
  const int64_t experts =
      has_moe_layer(config) ? std::max(config.moe_intermediate_size, shared_width(config)) : 0;
  return std::max(dense, experts);
}

/// bf16 inputs of a product, with the padding behind each row.
int64_t converted_bytes(int64_t rows, int64_t cols) {
  return rows * kernels::activation_stride(cols) * kBf16;
}

/// Outputs of kv_b_proj: keys and values of all heads.
int64_t expanded_width(const Config& config) {
  return config.num_attention_heads * (config.qk_nope_head_dim + config.v_head_dim);
}

/// Rows of absorbed queries that are alive at once. Reference numerics absorb decode steps alone,
/// one row at a time.
int64_t absorbed_rows(const StepSize& size) {
  const int64_t rows = size.is_sparse ? size.tokens : size.decode_rows;
  return is_reference(size) ? 1 : std::min(rows, kAbsorbedTile);
}

/// Residual stream, norms, angles, queries, latents, outputs of the heads.
int64_t attention_bytes(const Config& config, const StepSize& size) {
  const int64_t heads = config.num_attention_heads;
  const int64_t per_token = 3 * config.hidden_size + config.q_lora_rank +
                            heads * (config.qk_head_dim() + config.v_head_dim) +
                            config.kv_row_dim() + config.qk_rope_head_dim;
  int64_t bytes = size.tokens * per_token * kF32;
  if (size.is_sparse) {
    const IndexerConfig& indexer = config.indexer;
    const int64_t index_q = indexer.index_n_heads * indexer.index_head_dim;
    bytes += size.tokens *
             (index_q * (kF32 + kBf16) + (indexer.index_head_dim + 2 * indexer.index_n_heads +
                                          selected_positions(config, size)) *
                                             kF32);
  }
  return bytes + absorbed_rows(size) * heads * (config.kv_row_dim() + config.kv_lora_rank) * kF32;
}

/// What attention_reference.cpp keeps: keys and values of the context, kv_b_proj in float32, and
/// its key part transposed.
int64_t reference_bytes(const Config& config, const StepSize& size) {
  const int64_t key_part = config.num_attention_heads * config.qk_nope_head_dim;
  return (size.context_tokens * expanded_width(config) +
          (expanded_width(config) + key_part) * config.kv_lora_rank) *
         kF32;
}

/// Gate and up of the larger of the two kinds of layers; gathered inputs and outputs of experts.
int64_t feed_forward_bytes(const Config& config, int64_t tokens) {
  const RowCounts rows = row_counts(config, tokens);
  const int64_t dense = has_dense_layer(config) ? tokens * config.intermediate_size : 0;
  const int64_t experts =
      rows.routed * config.moe_intermediate_size + rows.shared * shared_width(config);
  const int64_t router = has_moe_layer(config)
                             ? tokens * (config.n_routed_experts + 2 * config.num_experts_per_tok)
                             : 0;
  return (2 * std::max(dense, experts) + 2 * rows.all() * config.hidden_size + router) * kF32;
}

/// The indexer's streams of candidates and its window of scores.
int64_t index_workspace(const Config& config, const StepSize& size) {
  return size.is_sparse
             ? kernels::select_workspace_bytes(size.tokens, size.context_tokens,
                                               selected_positions(config, size), size.threads)
             : 0;
}

/// Inputs of the largest product in bf16.
int64_t product_workspace(const Config& config, const StepSize& size) {
  const int64_t heads = config.num_attention_heads;
  const RowCounts rows = row_counts(config, size.tokens);
  // The router and the indexer's head weights take their input as two terms.
  const int64_t terms = has_moe_layer(config) || size.is_sparse ? 2 : 1;
  return std::max(
      {converted_bytes(terms * size.tokens, config.hidden_size),
       converted_bytes(size.tokens, heads * config.v_head_dim),
       converted_bytes(absorbed_rows(size) * heads, config.kv_lora_rank),
       has_dense_layer(config) ? converted_bytes(size.tokens, config.intermediate_size) : 0,
       converted_bytes(rows.all(), config.hidden_size),
       converted_bytes(rows.routed, config.moe_intermediate_size) +
           converted_bytes(rows.shared, shared_width(config))});
}

/// State of expanded attention: of each thread, for the tokens that attend in this form. Where the
/// model selects they are few of one sequence, but sequences that share pages go together, and all
/// of a sequence that reads everything (Chunk::is_dense).
int64_t expanded_workspace(const Config& config, const StepSize& size) {
  const int64_t block = kernels::kExpandedBlockTokens *
                        ((config.kv_lora_rank + config.qk_head_dim() + config.v_head_dim) * kBf16 +
                         (config.qk_nope_head_dim + config.v_head_dim) * kF32);
  return size.threads *
         (size.tokens * (config.qk_head_dim() * kBf16 + (config.v_head_dim + 2) * kF32) + block);
}

int64_t fast_workspace(const Config& config, const StepSize& size) {
  return std::max(product_workspace(config, size), expanded_workspace(config, size));
}

/// Inputs of FP8 products with their scales, or a row of scores per thread.
int64_t reference_workspace(const Config& config, const StepSize& size) {
  const int64_t widest =
      std::max({config.hidden_size, widest_feed_forward(config), config.q_lora_rank,
                config.num_attention_heads * config.v_head_dim});
  const int64_t quantised =
      config.has_fp8_weights ? size.tokens * (widest + widest / tensor::kFp8BlockSize) * kF32 : 0;
  return std::max(quantised, size.threads * size.context_tokens * kF32);
}

}  // namespace

int64_t activation_bytes(const Config& config, const StepSize& size) {
  const int64_t workspace =
      is_reference(size) ? reference_workspace(config, size) : fast_workspace(config, size);
  return attention_bytes(config, size) + (is_reference(size) ? reference_bytes(config, size) : 0) +
         feed_forward_bytes(config, size.tokens) +
         std::max(workspace, index_workspace(config, size)) +
         size.threads * kernels::kThreadScratchBytes + size.logits_rows * config.vocab_size * kF32;
}

}  // namespace levin::model
