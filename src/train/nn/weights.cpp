#include "train/nn/weights.h"

#include <c10/util/accumulate.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace levin::train::nn {
namespace {

/// Visits the tensors below one name prefix.
class Walk {
 public:
  Walk(const Config& config, const TensorVisitor& visit) : config_(config), visit_(visit) {}

  void tensor(const std::string& name, std::vector<int64_t> shape, TensorRole role,
              at::Tensor& place) const {
    visit_({name, std::move(shape), role}, place);
  }
  void matrix(const std::string& name, int64_t rows, int64_t cols, at::Tensor& place) const {
    tensor(name, {rows, cols}, TensorRole::kMatrix, place);
  }
  void norm(const std::string& name, int64_t size, at::Tensor& place) const {
    tensor(name, {size}, TensorRole::kNorm, place);
  }

  void attention(const std::string& prefix, AttentionWeights& attention) const {
    const Config& c = config_;
    const int64_t heads = c.num_attention_heads;
    if (c.q_lora_rank == 0) {
      matrix(prefix + "q_proj.weight", heads * c.qk_head_dim(), c.hidden_size, attention.q_proj);
    } else {
      matrix(prefix + "q_a_proj.weight", c.q_lora_rank, c.hidden_size, attention.q_a_proj);
      norm(prefix + "q_a_layernorm.weight", c.q_lora_rank, attention.q_a_layernorm);
      matrix(prefix + "q_b_proj.weight", heads * c.qk_head_dim(), c.q_lora_rank,
             attention.q_b_proj);
    }
    matrix(prefix + "kv_a_proj_with_mqa.weight", c.kv_row_dim(), c.hidden_size,
           attention.kv_a_proj_with_mqa);
    norm(prefix + "kv_a_layernorm.weight", c.kv_lora_rank, attention.kv_a_layernorm);
    matrix(prefix + "kv_b_proj.weight", heads * (c.qk_nope_head_dim + c.v_head_dim), c.kv_lora_rank,
           attention.kv_b_proj);
    matrix(prefix + "o_proj.weight", c.hidden_size, heads * c.v_head_dim, attention.o_proj);
  }

  void indexer(const std::string& prefix, IndexerWeights& indexer) const {
    const model::IndexerConfig& c = config_.indexer;
    tensor(prefix + "wq_b.weight", {c.index_n_heads * c.index_head_dim, config_.q_lora_rank},
           TensorRole::kIndexer, indexer.wq_b);
    tensor(prefix + "wk.weight", {c.index_head_dim, config_.hidden_size}, TensorRole::kIndexer,
           indexer.wk);
    tensor(prefix + "k_norm.weight", {c.index_head_dim}, TensorRole::kIndexerNorm,
           indexer.k_norm_weight);
    tensor(prefix + "k_norm.bias", {c.index_head_dim}, TensorRole::kIndexerNorm,
           indexer.k_norm_bias);
    tensor(prefix + "weights_proj.weight", {c.index_n_heads, config_.hidden_size},
           TensorRole::kIndexer, indexer.weights_proj);
  }

  void mlp(const std::string& prefix, int64_t width, MlpWeights& mlp) const {
    matrix(prefix + "gate_proj.weight", width, config_.hidden_size, mlp.gate_proj);
    matrix(prefix + "up_proj.weight", width, config_.hidden_size, mlp.up_proj);
    matrix(prefix + "down_proj.weight", config_.hidden_size, width, mlp.down_proj);
  }

  void moe(const std::string& prefix, MoeWeights& moe) const {
    const int64_t experts = config_.n_routed_experts;
    const int64_t width = config_.moe_intermediate_size;
    tensor(prefix + "gate.weight", {experts, config_.hidden_size}, TensorRole::kRouter, moe.gate);
    if (config_.has_router_bias()) {
      tensor(prefix + "gate.e_score_correction_bias", {experts}, TensorRole::kRouterBias,
             moe.e_score_correction_bias);
    }
    moe.experts.resize(static_cast<size_t>(experts));
    for (size_t expert_idx = 0; expert_idx < moe.experts.size(); ++expert_idx) {
      mlp(fmt::format("{}experts.{}.", prefix, expert_idx), width, moe.experts[expert_idx]);
    }
    if (config_.n_shared_experts > 0) {
      mlp(prefix + "shared_experts.", config_.n_shared_experts * width, moe.shared_experts);
    }
  }

 private:
  const Config& config_;
  const TensorVisitor& visit_;
};

bool gets_gradient(TensorRole role, Trainable trainable) {
  if (role == TensorRole::kRouterBias) {
    return false;
  }
  switch (trainable) {
    case Trainable::kNothing:
      return false;
    case Trainable::kEverything:
      return true;
    case Trainable::kIndexer:
      return is_indexer(role);
    case Trainable::kModelWithoutIndexer:
      return !is_indexer(role);
  }
  return false;
}

}  // namespace

bool is_indexer(TensorRole role) {
  return role == TensorRole::kIndexer || role == TensorRole::kIndexerNorm;
}

void visit_layer(const Config& config, int64_t layer_idx, LayerWeights& layer,
                 const TensorVisitor& visit) {
  const Walk walk(config, visit);
  const std::string prefix = fmt::format("model.layers.{}.", layer_idx);
  walk.norm(prefix + "input_layernorm.weight", config.hidden_size, layer.input_layernorm);
  walk.attention(prefix + "self_attn.", layer.self_attn);
  if (config.is_sparse() && config.is_full_indexer_layer[static_cast<size_t>(layer_idx)]) {
    walk.indexer(prefix + "self_attn.indexer.", layer.self_attn.indexer);
  }
  walk.norm(prefix + "post_attention_layernorm.weight", config.hidden_size,
            layer.post_attention_layernorm);
  if (!config.is_moe_layer(layer_idx)) {
    walk.mlp(prefix + "mlp.", config.intermediate_size, std::get<MlpWeights>(layer.mlp));
    return;
  }
  if (!std::holds_alternative<MoeWeights>(layer.mlp)) {
    layer.mlp = MoeWeights{};
  }
  walk.moe(prefix + "mlp.", std::get<MoeWeights>(layer.mlp));
}

void visit_tensors(ModelWeights& weights, const TensorVisitor& visit) {
  const Config& config = weights.config;
  const Walk walk(config, visit);
  const std::vector<int64_t> table = {config.vocab_size, config.hidden_size};
  if (weights.tied_input_scale == 0.0) {
    walk.tensor("model.embed_tokens.weight", table, TensorRole::kEmbedding, weights.embed_tokens);
  }
  weights.layers.resize(static_cast<size_t>(config.num_hidden_layers));
  for (int64_t layer_idx = 0; layer_idx < config.num_hidden_layers; ++layer_idx) {
    visit_layer(config, layer_idx, weights.layers[static_cast<size_t>(layer_idx)], visit);
  }
  walk.norm("model.norm.weight", config.hidden_size, weights.norm);
  walk.tensor("lm_head.weight", table, TensorRole::kEmbedding, weights.lm_head);
}

std::vector<NamedParameter> named_parameters(const ModelWeights& weights) {
  ModelWeights handles = weights;
  std::vector<NamedParameter> parameters;
  visit_tensors(handles, [&](const TensorSpec& spec, at::Tensor& tensor) {
    parameters.push_back({spec, tensor});
  });
  return parameters;
}

void set_trainable(const ModelWeights& weights, Trainable trainable) {
  for (const NamedParameter& parameter : named_parameters(weights)) {
    const bool wanted = gets_gradient(parameter.spec.role, trainable);
    parameter.tensor.set_requires_grad(wanted);
    if (!wanted) {
      parameter.tensor.mutable_grad() = at::Tensor();
    }
  }
}

int64_t parameter_count(const ModelWeights& weights) {
  int64_t count = 0;
  for (const NamedParameter& parameter : named_parameters(weights)) {
    count += parameter.tensor.numel();
  }
  return count;
}

LayerParameterCount layer_parameter_count(const Config& config, int64_t layer_idx) {
  LayerParameterCount count;
  LayerWeights layer;
  visit_layer(config, layer_idx, layer, [&](const TensorSpec& spec, at::Tensor&) {
    const int64_t elements = c10::multiply_integers(spec.shape);
    count.all += elements;
    if (is_indexer(spec.role)) {
      count.indexer += elements;
    }
    if (spec.role == TensorRole::kMatrix) {
      count.matrices += elements;
      count.largest_matrix = std::max(count.largest_matrix, elements);
    }
  });
  return count;
}

}  // namespace levin::train::nn
