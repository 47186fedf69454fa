// What a layer's attention and its indexer read: projected, normed and rotated (docs/model.md 1.3).
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/rotary.h"
#include "train/nn/weights.h"

namespace levin::train::nn {

/// Multi-head latent attention, expanded to ordinary heads.
struct AttentionInputs {
  at::Tensor q;      ///< [tokens, heads, qk_head_dim], rotary part last
  at::Tensor k;      ///< [tokens, heads, qk_head_dim]
  at::Tensor v;      ///< [tokens, heads, v_head_dim]
  at::Tensor q_low;  ///< [tokens, q_lora_rank], normed compressed query; undefined without one
};

/// x [tokens, hidden_size], after input_layernorm.
AttentionInputs attention_inputs(const Config& config, const AttentionWeights& weights,
                                 const at::Tensor& x, const RotaryTable& rotary);

/// Lightning indexer without its Hadamard rotation (orthogonal: it changes no score) and without
/// FP8: training keeps f32.
struct IndexInputs {
  at::Tensor q;        ///< [tokens, index_n_heads, index_head_dim]
  at::Tensor k;        ///< [tokens, index_head_dim]
  at::Tensor weights;  ///< [tokens, index_n_heads], times index_n_heads^-0.5 index_head_dim^-0.5
};

/// Eps of the indexer's LayerNorm; official, whatever rms_norm_eps is.
inline constexpr double kIndexerNormEps = 1e-6;

/// x and q_low are taken as constants: no gradient of the indexer reaches the model.
IndexInputs index_inputs(const Config& config, const IndexerWeights& weights, const at::Tensor& x,
                         const at::Tensor& q_low, const RotaryTable& rotary);

}  // namespace levin::train::nn
