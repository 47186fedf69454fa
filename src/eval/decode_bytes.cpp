#include "eval/decode_bytes.h"

#include <algorithm>

namespace levin::eval {
namespace {

int64_t vector_bytes(const model::F32Vector& vector) {
  return static_cast<int64_t>(vector.size() * sizeof(float));
}

int64_t mlp_bytes(const model::MlpWeights& mlp) {
  return mlp.gate_proj.read_bytes() + mlp.up_proj.read_bytes() + mlp.down_proj.read_bytes();
}

int64_t attention_bytes(const model::Config& config, const model::AttentionWeights& attention) {
  const int64_t kv_b_rows = config.qk_nope_head_dim + config.v_head_dim;
  return attention.q_proj.read_bytes() + attention.q_a_proj.read_bytes() +
         attention.q_b_proj.read_bytes() + attention.kv_a_proj.read_bytes() +
         attention.k_up_transposed.read_bytes() +
         attention.kv_b_proj.read_bytes() * config.v_head_dim / kv_b_rows +
         attention.o_proj.read_bytes() + vector_bytes(attention.q_a_layernorm) +
         vector_bytes(attention.kv_a_layernorm);
}

int64_t indexer_bytes(const model::IndexerWeights& indexer, bool has_scores) {
  const int64_t score_bytes = indexer.wq_b.read_bytes() + indexer.weights_proj.read_bytes();
  return indexer.wk.read_bytes() + (has_scores ? score_bytes : 0);
}

int64_t moe_bytes(const model::Config& config, const model::MoeWeights& moe) {
  int64_t bytes = moe.gate.read_bytes() + mlp_bytes(moe.shared_experts);
  if (!moe.experts.empty()) {
    bytes += config.num_experts_per_tok * mlp_bytes(moe.experts.front());
  }
  return bytes;
}

}  // namespace

int64_t decode_weight_bytes(const model::Config& config, const model::Weights& weights,
                            bool is_sparse, int64_t kv_tokens) {
  const bool has_scores = kv_tokens > config.indexer.index_topk;
  int64_t bytes = weights.lm_head.read_bytes() + vector_bytes(weights.norm);
  for (const model::LayerWeights& layer : weights.layers) {
    bytes += attention_bytes(config, layer.attention) + mlp_bytes(layer.mlp) +
             moe_bytes(config, layer.moe) + vector_bytes(layer.input_layernorm) +
             vector_bytes(layer.post_attention_layernorm);
    bytes += is_sparse ? indexer_bytes(layer.attention.indexer, has_scores) : 0;
  }
  return bytes;
}

int64_t decode_cache_bytes(const model::Config& config, const kernels::KvLayout& layout,
                           bool is_sparse, int64_t kv_tokens) {
  const int64_t topk = config.indexer.index_topk;
  if (!is_sparse || kv_tokens <= topk) {
    return config.num_hidden_layers * kv_tokens * layout.row_bytes();
  }
  const int64_t key_bytes =
      layout.index_head_dim * layout.index_key_bytes + static_cast<int64_t>(sizeof(float));
  int64_t bytes = 0;
  for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
    bytes += std::min(topk, kv_tokens) * layout.row_bytes();
    bytes +=
        config.is_full_indexer_layer[static_cast<size_t>(layer_idx)] ? kv_tokens * key_bytes : 0;
  }
  return bytes;
}

}  // namespace levin::eval
