#include "model/weights_expected.h"

#include <fmt/format.h>

#include <utility>

namespace levin::model {
namespace {

/// Walks the names of checkpoint.md 2.2 in order.
class ExpectedWalk {
 public:
  ExpectedWalk(const Config& config, base::FunctionRef<bool(const ExpectedTensor&)> visit)
      : config_(config), visit_(visit) {}

  void run() {
    if (!other("model.embed_tokens.weight", {config_.vocab_size, config_.hidden_size})) {
      return;
    }
    for (int64_t layer_idx = 0; layer_idx < config_.num_hidden_layers; ++layer_idx) {
      if (!layer(layer_idx)) {
        return;
      }
    }
    if (norm("model.norm.weight", config_.hidden_size) && !config_.tie_word_embeddings) {
      other("lm_head.weight", {config_.vocab_size, config_.hidden_size});
    }
  }

 private:
  bool quantised(const std::string& name, int64_t rows, int64_t cols) {
    return visit_({name, {rows, cols}, /*may_be_fp8=*/true, /*is_norm_or_bias=*/false});
  }
  bool other(const std::string& name, std::vector<int64_t> shape) {
    return visit_({name, std::move(shape), /*may_be_fp8=*/false, /*is_norm_or_bias=*/false});
  }
  bool norm(const std::string& name, int64_t size) {
    return visit_({name, {size}, /*may_be_fp8=*/false, /*is_norm_or_bias=*/true});
  }

  bool layer(int64_t layer_idx) {
    const std::string prefix = layer_prefix(layer_idx);
    return norm(prefix + "input_layernorm.weight", config_.hidden_size) &&
           attention(prefix + "self_attn.") && indexer(layer_idx, prefix + "self_attn.indexer.") &&
           norm(prefix + "post_attention_layernorm.weight", config_.hidden_size) &&
           (config_.is_moe_layer(layer_idx) ? moe(layer_idx, prefix + "mlp.")
                                            : mlp(prefix + "mlp.", config_.intermediate_size));
  }

  bool attention(const std::string& prefix) {
    const Config& c = config_;
    const int64_t heads = c.num_attention_heads;
    const bool query =
        c.q_lora_rank == 0
            ? quantised(prefix + "q_proj.weight", heads * c.qk_head_dim(), c.hidden_size)
            : quantised(prefix + "q_a_proj.weight", c.q_lora_rank, c.hidden_size) &&
                  norm(prefix + "q_a_layernorm.weight", c.q_lora_rank) &&
                  quantised(prefix + "q_b_proj.weight", heads * c.qk_head_dim(), c.q_lora_rank);
    return query &&
           quantised(prefix + "kv_a_proj_with_mqa.weight", c.kv_row_dim(), c.hidden_size) &&
           norm(prefix + "kv_a_layernorm.weight", c.kv_lora_rank) &&
           quantised(prefix + "kv_b_proj.weight", heads * (c.qk_nope_head_dim + c.v_head_dim),
                     c.kv_lora_rank) &&
           quantised(prefix + "o_proj.weight", c.hidden_size, heads * c.v_head_dim);
  }

  bool indexer(int64_t layer_idx, const std::string& prefix) {
    if (!config_.is_sparse() || !config_.is_full_indexer_layer[static_cast<size_t>(layer_idx)]) {
      return true;
    }
    const IndexerConfig& index = config_.indexer;
    return quantised(prefix + "wq_b.weight", index.index_n_heads * index.index_head_dim,
                     config_.q_lora_rank) &&
           quantised(prefix + "wk.weight", index.index_head_dim, config_.hidden_size) &&
           norm(prefix + "k_norm.weight", index.index_head_dim) &&
           norm(prefix + "k_norm.bias", index.index_head_dim) &&
           other(prefix + "weights_proj.weight", {index.index_n_heads, config_.hidden_size});
  }

  bool mlp(const std::string& prefix, int64_t width) {
    return quantised(prefix + "gate_proj.weight", width, config_.hidden_size) &&
           quantised(prefix + "up_proj.weight", width, config_.hidden_size) &&
           quantised(prefix + "down_proj.weight", config_.hidden_size, width);
  }

  bool moe(int64_t layer_idx, const std::string& prefix) {
    if (!other(prefix + "gate.weight", {config_.n_routed_experts, config_.hidden_size})) {
      return false;
    }
    if (config_.has_router_bias() && !norm(router_bias_name(layer_idx), config_.n_routed_experts)) {
      return false;
    }
    for (int64_t expert_idx = 0; expert_idx < config_.n_routed_experts; ++expert_idx) {
      if (!mlp(fmt::format("{}experts.{}.", prefix, expert_idx), config_.moe_intermediate_size)) {
        return false;
      }
    }
    return config_.n_shared_experts == 0 ||
           mlp(prefix + "shared_experts.",
               config_.n_shared_experts * config_.moe_intermediate_size);
  }

  const Config& config_;
  base::FunctionRef<bool(const ExpectedTensor&)> visit_;
};

}  // namespace

void visit_expected_tensors(const Config& config,
                            base::FunctionRef<bool(const ExpectedTensor&)> visit) {
  ExpectedWalk(config, visit).run();
}

std::vector<ExpectedTensor> expected_tensors(const Config& config) {
  std::vector<ExpectedTensor> tensors;
  visit_expected_tensors(config, [&](const ExpectedTensor& tensor) {
    tensors.push_back(tensor);
    return true;
  });
  return tensors;
}

std::string layer_prefix(int64_t layer_idx) { return fmt::format("model.layers.{}.", layer_idx); }

std::string router_bias_name(int64_t layer_idx) {
  return layer_prefix(layer_idx) + "mlp.gate.e_score_correction_bias";
}

std::string scale_name(const std::string& weight_name) { return weight_name + "_scale_inv"; }

}  // namespace levin::model
