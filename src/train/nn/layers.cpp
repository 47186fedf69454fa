#include "train/nn/layers.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace levin::train::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

class RmsNorm : public torch::autograd::Function<RmsNorm> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& weight,
                          double eps) {
    const at::Tensor scale = x.square().mean(-1, /*keepdim=*/true).add_(eps).rsqrt_();
    context->save_for_backward({x, weight, scale});
    return (x * scale).mul_(weight);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& weight = saved[1];
    const at::Tensor& scale = saved[2];
    const at::Tensor normed = saved[0] * scale;
    const at::Tensor& gradient = gradients[0];
    at::Tensor weight_gradient = (gradient * normed).sum(0);
    const at::Tensor weighted = gradient * weight;
    const at::Tensor along = (weighted * normed).mean(-1, /*keepdim=*/true);
    at::Tensor x_gradient = at::addcmul(weighted, normed, along, -1).mul_(scale);
    return {x_gradient, weight_gradient, Variable()};
  }
};

class Swiglu : public torch::autograd::Function<Swiglu> {
 public:
  static Variable forward(AutogradContext* context, const Variable& gate, const Variable& up) {
    context->save_for_backward({gate, up});
    return at::silu(gate).mul_(up);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    at::Tensor up_gradient = at::silu(saved[0]).mul_(gradients[0]);
    at::Tensor gate_gradient = at::silu_backward(gradients[0] * saved[1], saved[0]);
    return {gate_gradient, up_gradient};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return RmsNorm::apply(x, weight, eps);
}

at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) { return Swiglu::apply(gate, up); }

}  // namespace levin::train::nn
