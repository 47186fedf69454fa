#include "model/activation_memory.h"

#include <algorithm>

#include "kernels/kv_layout.h"
#include "kernels/op_table.h"
#include "kernels/top_k.h"

namespace levin::model {
namespace {

constexpr int64_t kF32 = 4;
constexpr int64_t kBf16 = 2;
constexpr int64_t kFp8Group = 128;

bool is_reference(const StepSize& size) { return size.numerics == kernels::Numerics::kReference; }

/// Positions that a selection holds: no context is longer than the model's.
int64_t selected_positions(const Config& config, const StepSize& size) {
  return std::min(size.selection_budget, config.max_position_embeddings);
}

/// Rows that the experts of one group hold: every token may use the shared experts.
int64_t expert_rows(const Config& config, int64_t tokens) {
  const int64_t all = tokens * (config.num_experts_per_tok + (config.n_shared_experts > 0 ? 1 : 0));
  return std::min(all, std::max(kExpertGroupRows, tokens));
}

/// Width of the shared experts, or of a routed one where there are none.
int64_t moe_width(const Config& config) {
  return config.moe_intermediate_size * std::max<int64_t>(config.n_shared_experts, 1);
}

/// Outputs of kv_b_proj: keys and values of all heads.
int64_t expanded_width(const Config& config) {
  return config.num_attention_heads * (config.qk_nope_head_dim + config.v_head_dim);
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
  // Reference numerics absorb decode steps alone, one at a time.
  const bool has_tiles = size.is_sparse && !is_reference(size);
  const int64_t absorbed_rows = has_tiles ? std::min(size.tokens, kAbsorbedTile) : 1;
  return bytes + absorbed_rows * heads * (config.kv_row_dim() + config.kv_lora_rank) * kF32;
}

/// What attention_reference.cpp keeps: keys and values of the context, kv_b_proj in float32, and
/// its key part transposed.
int64_t reference_bytes(const Config& config, const StepSize& size) {
  const int64_t key_part = config.num_attention_heads * config.qk_nope_head_dim;
  return (size.context_tokens * expanded_width(config) +
          (expanded_width(config) + key_part) * config.kv_lora_rank) *
         kF32;
}

/// Gate and up of the wider of the two kinds of layers; gathered inputs and outputs of experts.
int64_t feed_forward_bytes(const Config& config, int64_t tokens) {
  const int64_t rows = expert_rows(config, tokens);
  const int64_t gate_and_up =
      2 * std::max(tokens * config.intermediate_size, rows * moe_width(config));
  const int64_t router = tokens * (config.n_routed_experts + 2 * config.num_experts_per_tok);
  return (gate_and_up + 2 * rows * config.hidden_size + router) * kF32;
}

/// The indexer's streams of candidates, or one block's scores of the whole context.
int64_t index_workspace(const Config& config, const StepSize& size) {
  if (!size.is_sparse) {
    return 0;
  }
  constexpr int64_t kBlockQueries = 16;
  const int64_t stream = 3 * kernels::TopKStream::capacity(selected_positions(config, size)) * kF32;
  const int64_t scores =
      std::min(size.tokens, kBlockQueries) * (size.context_tokens + kernels::kPageTokens) * kF32;
  return std::max(size.threads * kBlockQueries * stream, scores + size.threads * stream);
}

/// Inputs of products in bf16, or the state of attention per thread.
int64_t fast_workspace(const Config& config, const StepSize& size) {
  const int64_t heads_out = config.num_attention_heads * config.v_head_dim;
  const int64_t rows = expert_rows(config, size.tokens);
  const int64_t products =
      kBf16 * std::max({rows * config.hidden_size, rows * moe_width(config),
                        2 * size.tokens * config.hidden_size,
                        size.tokens * config.intermediate_size, size.tokens * heads_out});
  constexpr int64_t kBlockTokens = 256;  // of the cache, expanded at once
  const int64_t block =
      kBlockTokens * ((config.kv_lora_rank + config.qk_head_dim() + config.v_head_dim) * kBf16 +
                      (config.qk_nope_head_dim + config.v_head_dim) * kF32);
  const int64_t expanded =
      size.threads *
      (size.tokens * (config.qk_head_dim() * kBf16 + (config.v_head_dim + 2) * kF32) + block);
  return std::max(products, expanded);
}

/// Inputs of FP8 products with their scales, or a row of scores per thread.
int64_t reference_workspace(const Config& config, const StepSize& size) {
  const int64_t widest =
      std::max({config.hidden_size, config.intermediate_size, moe_width(config), config.q_lora_rank,
                config.num_attention_heads * config.v_head_dim});
  const int64_t quantised =
      config.has_fp8_weights ? size.tokens * (widest + widest / kFp8Group) * kF32 : 0;
  return std::max(quantised, size.threads * size.context_tokens * kF32);
}

}  // namespace

int64_t activation_bytes(const Config& config, const StepSize& size) {
  const int64_t workspace =
      is_reference(size) ? reference_workspace(config, size) : fast_workspace(config, size);
  return attention_bytes(config, size) + (is_reference(size) ? reference_bytes(config, size) : 0) +
         feed_forward_bytes(config, size.tokens) +
         std::max(workspace, index_workspace(config, size)) +
         size.threads * kernels::kThreadScratchBytes + config.vocab_size * kF32;
}

}  // namespace levin::model
