#include "train/optim/adamw.h"

#include <ATen/ATen.h>

#include <cmath>
#include <utility>

namespace levin::train::optim {

AdamW::AdamW(std::vector<Parameter> parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters_) {
    moments_.push_back({at::zeros_like(parameter.tensor), at::zeros_like(parameter.tensor), 0});
  }
}

void AdamW::step(double lr_factor) {
  const at::NoGradGuard no_grad;
  const double lr = options_.lr * lr_factor;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& value = parameters_[i].tensor;
    const at::Tensor& gradient = value.grad();
    if (!gradient.defined()) continue;
    Moments& moments = moments_[i];
    ++moments.steps;
    const auto steps = static_cast<double>(moments.steps);
    moments.exp_avg.mul_(options_.beta1).add_(gradient, 1 - options_.beta1);
    moments.exp_avg_sq.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
    const double step_size = lr / (1 - std::pow(options_.beta1, steps));
    const double correction = std::sqrt(1 - std::pow(options_.beta2, steps));
    if (options_.weight_decay != 0) value.mul_(1 - lr * options_.weight_decay);
    value.addcdiv_(moments.exp_avg, moments.exp_avg_sq.sqrt().div_(correction).add_(options_.eps),
                   -step_size);
  }
}

void AdamW::save(State& state) const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const std::string& name = parameters_[i].name;
    state.emplace_back(name + ".exp_avg", moments_[i].exp_avg);
    state.emplace_back(name + ".exp_avg_sq", moments_[i].exp_avg_sq);
    state.emplace_back(name + ".steps", at::full({1}, moments_[i].steps, at::kLong));
  }
}

void AdamW::load(const State& state) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [name, tensor] = parameters_[i];
    Moments& moments = moments_[i];
    moments.exp_avg.copy_(
        find_state(state, name + ".exp_avg", tensor.sizes(), tensor.scalar_type()));
    moments.exp_avg_sq.copy_(
        find_state(state, name + ".exp_avg_sq", tensor.sizes(), tensor.scalar_type()));
    moments.steps = find_state(state, name + ".steps", {1}, at::kLong).item<int64_t>();
  }
}

}  // namespace levin::train::optim
