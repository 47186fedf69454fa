#include "train/optim/gradients.h"

#include <ATen/ATen.h>

#include <cmath>

namespace levin::train::optim {
namespace {

void scale_gradients(const std::vector<Parameter>& parameters, double factor) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (gradient.defined()) gradient.mul_(factor);
  }
}

}  // namespace

void fill_missing_gradients(const std::vector<Parameter>& parameters) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters) {
    if (!parameter.tensor.requires_grad()) continue;
    at::Tensor& gradient = parameter.tensor.mutable_grad();
    if (!gradient.defined()) gradient = at::zeros_like(parameter.tensor);
  }
}

double gradient_norm(const std::vector<Parameter>& parameters) {
  const at::NoGradGuard no_grad;
  double sum = 0;
  for (const Parameter& parameter : parameters) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    const double norm = at::norm(gradient).item<double>();
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

double clip_gradients(const std::vector<Parameter>& parameters, double max_norm) {
  const double norm = gradient_norm(parameters);
  if (std::isfinite(norm) && norm > max_norm) scale_gradients(parameters, max_norm / norm);
  return norm;
}

std::optional<std::string> first_non_finite_gradient(const std::vector<Parameter>& parameters) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : parameters) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (gradient.defined() && !at::isfinite(gradient).all().item<bool>()) return parameter.name;
  }
  return std::nullopt;
}

void clear_gradients(const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) parameter.tensor.mutable_grad() = at::Tensor();
}

}  // namespace levin::train::optim
