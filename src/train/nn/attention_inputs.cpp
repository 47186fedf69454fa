#include "train/nn/attention_inputs.h"

#include <ATen/ATen.h>

#include <cmath>

#include "train/nn/layers.h"

namespace levin::train::nn {
namespace {

/// Rotates the first qk_rope_head_dim features of x [tokens, heads, index_head_dim].
at::Tensor rotate_first(const Config& config, const at::Tensor& x, const RotaryTable& rotary) {
  const int64_t rope = config.qk_rope_head_dim;
  const std::vector<at::Tensor> parts = x.split_with_sizes({rope, x.size(-1) - rope}, -1);
  const at::Tensor rotated = config.indexer.indexer_rope_interleave
                                 ? rotate_pairs(parts[0], rotary)
                                 : rotate_halves(parts[0], rotary);
  return at::cat({rotated, parts[1]}, -1);
}

}  // namespace

AttentionInputs attention_inputs(const Config& config, const AttentionWeights& weights,
                                 const at::Tensor& x, const RotaryTable& rotary) {
  const int64_t tokens = x.size(0);
  const int64_t heads = config.num_attention_heads;
  const int64_t nope = config.qk_nope_head_dim;
  const int64_t rope = config.qk_rope_head_dim;
  AttentionInputs inputs;
  at::Tensor q;
  if (config.q_lora_rank == 0) {
    q = at::linear(x, weights.q_proj);
  } else {
    inputs.q_low =
        rms_norm(at::linear(x, weights.q_a_proj), weights.q_a_layernorm, config.rms_norm_eps);
    q = at::linear(inputs.q_low, weights.q_b_proj);
  }
  const std::vector<at::Tensor> q_parts =
      q.view({tokens, heads, nope + rope}).split_with_sizes({nope, rope}, -1);
  inputs.q = at::cat({q_parts[0], rotate_pairs(q_parts[1], rotary)}, -1);

  const std::vector<at::Tensor> low =
      at::linear(x, weights.kv_a_proj_with_mqa).split_with_sizes({config.kv_lora_rank, rope}, -1);
  const at::Tensor latent = rms_norm(low[0], weights.kv_a_layernorm, config.rms_norm_eps);
  const at::Tensor k_rope = rotate_pairs(low[1].unsqueeze(1), rotary);
  const std::vector<at::Tensor> kv = at::linear(latent, weights.kv_b_proj)
                                         .view({tokens, heads, nope + config.v_head_dim})
                                         .split_with_sizes({nope, config.v_head_dim}, -1);
  inputs.k = at::cat({kv[0], k_rope.expand({tokens, heads, rope})}, -1);
  inputs.v = kv[1];
  return inputs;
}

IndexInputs index_inputs(const Config& config, const IndexerWeights& weights, const at::Tensor& x,
                         const at::Tensor& q_low, const RotaryTable& rotary) {
  const model::IndexerConfig& c = config.indexer;
  const at::Tensor input = x.detach();
  const at::Tensor q = at::linear(q_low.detach(), weights.wq_b);
  const at::Tensor k = at::layer_norm(at::linear(input, weights.wk), {c.index_head_dim},
                                      weights.k_norm_weight, weights.k_norm_bias, kIndexerNormEps);
  const double factor = 1.0 / std::sqrt(static_cast<double>(c.index_n_heads * c.index_head_dim));
  return {rotate_first(config, q.view({-1, c.index_n_heads, c.index_head_dim}), rotary),
          rotate_first(config, k.unsqueeze(1), rotary).squeeze(1),
          at::linear(input, weights.weights_proj) * factor};
}

}  // namespace levin::train::nn
