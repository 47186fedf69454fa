#include "train/nn/router.h"

#include <ATen/ATen.h>

#include <limits>

#include "train/nn/layers.h"

namespace levin::train::nn {
namespace {

/// -inf for experts outside the topk_group best groups.
at::Tensor mask_groups(const Config& config, const at::Tensor& choice) {
  const at::Tensor grouped = choice.unflatten(-1, {config.n_group, -1});
  const bool by_two_best = config.topk_method == model::TopkMethod::kNoauxTc;
  const at::Tensor values =
      by_two_best ? std::get<0>(grouped.topk(2, -1)).sum(-1) : grouped.amax(-1);
  const at::Tensor kept = std::get<1>(values.topk(config.topk_group, -1));
  const at::Tensor is_dropped =
      at::ones_like(values, at::kBool).scatter_(-1, kept, /*value=*/false);
  return grouped.masked_fill(is_dropped.unsqueeze(-1), -std::numeric_limits<double>::infinity())
      .flatten(-2);
}

}  // namespace

Routing route(const Config& config, const MoeWeights& weights, const at::Tensor& x) {
  const at::Tensor logits = at::linear(x, weights.gate);
  Routing routing;
  routing.scores =
      config.scoring_func == model::ScoringFunc::kSigmoid ? logits.sigmoid() : logits.softmax(-1);
  at::Tensor choice = routing.scores.detach();
  if (weights.e_score_correction_bias.defined()) {
    choice = choice + weights.e_score_correction_bias;
  }
  if (config.n_group > 1) {
    choice = mask_groups(config, choice);
  }
  routing.experts = std::get<1>(choice.topk(config.num_experts_per_tok, -1));
  routing.weights = routing.scores.gather(-1, routing.experts);
  if (config.norm_topk_prob) {
    routing.weights = routing.weights / routing.weights.sum(-1, /*keepdim=*/true);
  }
  routing.weights = routing.weights * config.routed_scaling_factor;
  return routing;
}

at::Tensor expert_loads(const Config& config, const Routing& routing) {
  return at::bincount(routing.experts.flatten(), {}, config.n_routed_experts);
}

at::Tensor balance_loss(const Config& config, const at::Tensor& scores,
                        const Documents& documents) {
  const at::Tensor share = scores / scores.sum(-1, /*keepdim=*/true);
  const at::Tensor chosen = std::get<1>(scores.detach().topk(config.num_experts_per_tok, -1));
  const double per_choice = static_cast<double>(config.n_routed_experts) /
                            static_cast<double>(config.num_experts_per_tok);
  at::Tensor total = at::zeros({}, scores.options());
  for (int64_t document_idx = 0; document_idx < documents.count(); ++document_idx) {
    const int64_t begin = documents.begin(document_idx);
    const int64_t tokens = documents.end(document_idx) - begin;
    const at::Tensor counts =
        at::bincount(chosen.narrow(0, begin, tokens).flatten(), {}, config.n_routed_experts);
    const at::Tensor frequency =
        counts.to(scores.scalar_type()) * (per_choice / static_cast<double>(tokens));
    total = total + (frequency * share.narrow(0, begin, tokens).sum(0)).sum();
  }
  return total;
}

void update_router_bias(const MoeWeights& weights, const at::Tensor& loads, double speed) {
  if (!weights.e_score_correction_bias.defined()) {
    return;
  }
  const at::NoGradGuard no_grad;
  const at::Tensor counts = loads.to(at::kDouble);
  weights.e_score_correction_bias.add_((counts.mean() - counts).sign(), speed);
}

}  // namespace levin::train::nn
