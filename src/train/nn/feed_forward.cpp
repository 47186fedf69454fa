#include "train/nn/feed_forward.h"

#include <ATen/ATen.h>

#include <vector>

#include "train/nn/layers.h"

namespace levin::train::nn {

at::Tensor mlp(const MlpWeights& weights, const at::Tensor& x) {
  return at::linear(swiglu(at::linear(x, weights.gate_proj), at::linear(x, weights.up_proj)),
                    weights.down_proj);
}

at::Tensor moe(const MoeWeights& weights, const Routing& routing, const at::Tensor& x) {
  const auto experts = static_cast<int64_t>(weights.experts.size());
  const int64_t per_token = routing.experts.size(1);
  const at::Tensor flat = routing.experts.flatten();
  // order[i]: which of the tokens * per_token choices stands at place i once sorted by expert.
  const at::Tensor order = std::get<1>(flat.sort(/*stable=*/true, /*dim=*/0, false));
  const at::Tensor place = at::empty_like(order).scatter_(0, order, at::arange(order.numel()));
  const at::Tensor counts = at::bincount(flat, {}, experts);
  const std::vector<int64_t> sizes(counts.data_ptr<int64_t>(),
                                   counts.data_ptr<int64_t>() + experts);

  const at::Tensor gathered = x.index_select(0, order.floor_divide(per_token));
  const std::vector<at::Tensor> inputs = gathered.split_with_sizes(sizes, 0);
  std::vector<at::Tensor> outputs;
  for (int64_t expert_idx = 0; expert_idx < experts; ++expert_idx) {
    const auto at = static_cast<size_t>(expert_idx);
    if (sizes[at] > 0) {
      outputs.push_back(mlp(weights.experts[at], inputs[at]));
    }
  }
  const at::Tensor by_token =
      at::cat(outputs).index_select(0, place).view({x.size(0), per_token, x.size(1)});
  const at::Tensor mixed = at::bmm(routing.weights.unsqueeze(1), by_token).squeeze(1);
  return weights.shared_experts.gate_proj.defined() ? mixed + mlp(weights.shared_experts, x)
                                                    : mixed;
}

}  // namespace levin::train::nn
