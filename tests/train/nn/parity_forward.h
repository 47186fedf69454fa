// The official function in f64, FP8 rounding included where the checkpoint has it: a slow second
// opinion on the engine and on the trainer, for tests. Never differentiated.
// Source: DeepSeek-V3.2-Exp inference/model.py; docs/model.md.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "train/nn/weights.h"

namespace levin::train::nn {

/// A checkpoint in f64 and the names of the weights that were FP8: their inputs are quantised too.
struct ParityModel {
  ModelWeights weights;
  std::set<std::string> fp8_names;
};

/// Errors as load_model.
ParityModel load_parity_model(const std::string& model_dir);

struct ParityOptions {
  /// Tokens from here on are decoded: their attention reads the cached latent through the exact
  /// kv_b_proj, whose input is not quantised in the absorbed form.
  int64_t prefill_tokens = 0;
  /// False: as the trainer computes it, without rounding activations, latent and index vectors.
  bool simulates_fp8 = true;
};

/// What one layer did; undefined tensors where a layer has no such part.
struct ParityLayer {
  at::Tensor attn_out;        ///< [tokens, hidden_size]
  at::Tensor hidden;          ///< [tokens, hidden_size], residual stream after the layer
  at::Tensor index_scores;    ///< [tokens, tokens], 0 where not causal
  at::Tensor is_selected;     ///< [tokens, tokens] bool, causal and selected
  at::Tensor experts;         ///< [tokens, num_experts_per_tok] i64
  at::Tensor expert_weights;  ///< [tokens, num_experts_per_tok]
};

struct ParityResult {
  at::Tensor logits;  ///< [tokens, vocab_size]
  std::vector<ParityLayer> layers;
};

/// One sequence, whole. tokens [tokens] i64. Memory grows with tokens squared.
ParityResult parity_forward(const ParityModel& model, const at::Tensor& tokens,
                            const ParityOptions& options);

}  // namespace levin::train::nn
