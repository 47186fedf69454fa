#include "train/optim/muon.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"

namespace levin::train::optim {
namespace {

constexpr int kNewtonSchulzSteps = 5;

}  // namespace

at::Tensor orthogonalize(const at::Tensor& matrices) {
  // The smaller side makes the smaller A.
  const bool is_tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = is_tall ? matrices.transpose(1, 2) : matrices;
  x = x / (x.flatten(1).norm(2, 1).view({-1, 1, 1}) + 1e-7);
  for (int step = 0; step < kNewtonSchulzSteps; ++step) {
    const at::Tensor a = at::bmm(x, x.transpose(1, 2));
    const at::Tensor b = at::baddbmm(a, a, a, -4.7750, 2.0315);
    x = at::baddbmm(x, b, x, 3.4445, 1);
  }
  return is_tall ? x.transpose(1, 2) : x;
}

Muon::Muon(std::vector<Parameter> parameters, const MuonOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  const at::NoGradGuard no_grad;
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> by_shape;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    if (tensor.dim() != 2) {
      base::throw_error(base::ErrorCode::kInvalidArgument, parameters_[i].name,
                        "Muon moves matrices, this tensor has {} dimensions; give it to AdamW",
                        tensor.dim());
    }
    momentum_.push_back(at::zeros_like(tensor));
    by_shape[{tensor.size(0), tensor.size(1)}].push_back(i);
  }
  for (const auto& [shape, members] : by_shape) {
    const auto together = static_cast<size_t>(
        std::max<int64_t>(1, kMuonGroupElements / (shape.first * shape.second)));
    for (size_t begin = 0; begin < members.size(); begin += together) {
      const size_t end = std::min(members.size(), begin + together);
      alike_.emplace_back(members.begin() + static_cast<std::ptrdiff_t>(begin),
                          members.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
}

void Muon::step(double lr_factor) {
  const at::NoGradGuard no_grad;
  for (const std::vector<size_t>& members : alike_) step_alike(members, options_.lr * lr_factor);
}

void Muon::step_alike(const std::vector<size_t>& members, double lr) {
  std::vector<at::Tensor> updates;
  std::vector<at::Tensor> values;
  for (const size_t i : members) {
    const at::Tensor& gradient = parameters_[i].tensor.grad();
    if (!gradient.defined()) continue;
    momentum_[i].mul_(options_.momentum).add_(gradient);
    updates.push_back(gradient.add(momentum_[i], options_.momentum));
    values.push_back(parameters_[i].tensor);
  }
  if (updates.empty()) return;
  const at::Tensor directions = orthogonalize(at::stack(updates));
  const double ratio =
      static_cast<double>(directions.size(1)) / static_cast<double>(directions.size(2));
  for (size_t i = 0; i < values.size(); ++i) {
    if (options_.weight_decay != 0) values[i].mul_(1 - lr * options_.weight_decay);
    values[i].add_(directions[static_cast<int64_t>(i)], -lr * std::sqrt(std::max(1.0, ratio)));
  }
}

void Muon::save(State& state) const {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    state.emplace_back(parameters_[i].name + ".momentum", momentum_[i]);
  }
}

void Muon::load(const State& state) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [name, tensor] = parameters_[i];
    momentum_[i].copy_(find_state(state, name + ".momentum", tensor.sizes(), tensor.scalar_type()));
  }
}

}  // namespace levin::train::optim
