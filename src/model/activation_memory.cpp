#include "model/activation_memory.h"

#include <algorithm>

#include "kernels/op_table.h"
#include "kernels/top_k.h"

namespace levin::model {
namespace {

constexpr int64_t kF32 = 4;
constexpr int64_t kBf16 = 2;

/// Positions that a selection holds: no context is longer than the model's.
int64_t selected_positions(const Config& config) {
  return std::min(config.indexer.index_topk, config.max_position_embeddings);
}

/// Rows that the experts of one group hold: every token may use the shared experts.
int64_t expert_rows(const Config& config, int64_t tokens) {
  const int64_t all = tokens * (config.num_experts_per_tok + (config.n_shared_experts > 0 ? 1 : 0));
  return std::min(all, std::max(kExpertGroupRows, tokens));
}

/// Residual stream, norms, queries, latents, outputs of the heads.
int64_t attention_bytes(const Config& config, bool is_sparse, int64_t tokens) {
  const int64_t heads = config.num_attention_heads;
  const int64_t per_token = 3 * config.hidden_size + config.q_lora_rank +
                            heads * (config.qk_head_dim() + config.v_head_dim) +
                            config.kv_row_dim();
  int64_t bytes = tokens * per_token * kF32;
  if (is_sparse) {
    const IndexerConfig& indexer = config.indexer;
    const int64_t index_q = indexer.index_n_heads * indexer.index_head_dim;
    bytes +=
        tokens *
        (index_q * (kF32 + kBf16) +
         (indexer.index_head_dim + 2 * indexer.index_n_heads + selected_positions(config)) * kF32);
    bytes += std::min(tokens, kAbsorbedTile) * heads * (config.kv_row_dim() + config.kv_lora_rank) *
             kF32;
  }
  return bytes;
}

/// Gate and up of the wider of the two kinds of layers; gathered inputs and outputs of experts.
int64_t feed_forward_bytes(const Config& config, int64_t tokens) {
  const int64_t rows = expert_rows(config, tokens);
  const int64_t moe_width = rows * config.moe_intermediate_size *
                            (config.n_shared_experts > 1 ? config.n_shared_experts : 1);
  const int64_t gate_and_up = 2 * std::max(tokens * config.intermediate_size, moe_width);
  const int64_t router = tokens * (config.n_routed_experts + 2 * config.num_experts_per_tok);
  return (gate_and_up + 2 * rows * config.hidden_size + router) * kF32;
}

/// The op that asks for most: converted inputs of a product, or attention's and top-k's state.
int64_t workspace_bytes(const Config& config, bool is_sparse, int threads, int64_t tokens) {
  const int64_t heads = config.num_attention_heads;
  const int64_t products =
      std::max({expert_rows(config, tokens) * config.hidden_size, 2 * tokens * config.hidden_size,
                tokens * config.intermediate_size, tokens * heads * config.v_head_dim}) *
      kBf16;
  const int64_t expanded =
      threads * tokens * (config.qk_head_dim() * kBf16 + (config.v_head_dim + 2) * kF32);
  int64_t top_k = 0;
  if (is_sparse) {
    constexpr int64_t kBlockQueries = 16;
    const int64_t numbers = 3 * kernels::TopKStream::capacity(selected_positions(config));
    top_k = threads * kBlockQueries * numbers * kF32;
  }
  return std::max({products, expanded, top_k});
}

}  // namespace

int64_t activation_bytes(const Config& config, bool is_sparse, int threads, int64_t tokens) {
  return attention_bytes(config, is_sparse, tokens) + feed_forward_bytes(config, tokens) +
         workspace_bytes(config, is_sparse, threads, tokens) +
         threads * kernels::kThreadScratchBytes + config.vocab_size * kF32;
}

}  // namespace levin::model
