// Elementwise parts of the model whose gradients are worth writing out.
#pragma once

#include <ATen/core/Tensor.h>

namespace levin::train::nn {

/// y = weight * x / sqrt(mean(x^2) + eps) over the last dimension. Differentiable, one pass each
/// way: autograd keeps x and one number per row.
///   x [tokens, dim], any row stride; weight [dim] -> [tokens, dim]
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

/// silu(gate) * up, elementwise. Differentiable; keeps gate and up.
at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up);

}  // namespace levin::train::nn
