// Which experts a token uses, and with which weight (docs/model.md 1.10).
#pragma once

#include <ATen/core/Tensor.h>

#include "model/config.h"
#include "train/nn/documents.h"
#include "train/nn/weights.h"

namespace levin::train::nn {

struct Routing {
  at::Tensor scores;   ///< [tokens, n_routed_experts], sigmoid or softmax of the router's logits
  at::Tensor experts;  ///< [tokens, num_experts_per_tok] i64, no gradient
  at::Tensor weights;  ///< [tokens, num_experts_per_tok], normalised and scaled
};

/// Sigmoid with selection bias and groups (V3), or softmax (V2), as the config says.
///   x [tokens, hidden_size]
Routing route(const Config& config, const MoeWeights& weights, const at::Tensor& x);

/// Tokens that went to each expert. -> [n_routed_experts] i64
at::Tensor expert_loads(const Config& config, const Routing& routing);

/// Sequence-wise balance loss, alpha left out (docs/training.md, Stages), as a sum over tokens:
///   sum over documents d of tokens_d * sum_e f_e P_e
///   f_e = n_routed_experts / (num_experts_per_tok * tokens_d) * #{t : e among the
///         num_experts_per_tok highest scores of t}, without gradient
///   P_e = mean_t scores[t,e] / sum_j scores[t,j]
/// Divided by the number of tokens it is the mean over equally long documents. -> scalar
at::Tensor balance_loss(const Config& config, const at::Tensor& scores, const Documents& documents);

/// Balancing without auxiliary loss: adds `speed` to the bias of every expert with fewer tokens
/// than the mean and takes it from every expert with more. `loads` [n_routed_experts] are counted
/// over the whole step, all ranks included. Without a bias (V2) nothing happens.
void update_router_bias(const MoeWeights& weights, const at::Tensor& loads, double speed);

}  // namespace levin::train::nn
