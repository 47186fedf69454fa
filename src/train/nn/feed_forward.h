// SwiGLU and mixture of experts (docs/model.md 1.10).
#pragma once

#include <ATen/core/Tensor.h>

#include "train/nn/router.h"
#include "train/nn/weights.h"

namespace levin::train::nn {

/// x [tokens, hidden_size] -> [tokens, hidden_size]
at::Tensor mlp(const MlpWeights& weights, const at::Tensor& x);

/// Chosen experts, weighted, plus the shared expert. Tokens are sorted by expert, so that each
/// expert runs once, on its own tokens. Sums in a fixed order.
///   x [tokens, hidden_size] -> [tokens, hidden_size]
at::Tensor moe(const MoeWeights& weights, const Routing& routing, const at::Tensor& x);

}  // namespace levin::train::nn
