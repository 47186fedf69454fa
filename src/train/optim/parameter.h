// The tensors that an optimizer moves and the state that it keeps of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace levin::train::optim {

/// A tensor under its official name. Copies share the tensor; its gradient is tensor.grad().
struct Parameter {
  std::string name;
  at::Tensor tensor;
};

/// Named tensors that bring an optimizer back bit for bit, to be written beside the weights.
using State = std::vector<std::pair<std::string, at::Tensor>>;

/// The tensor called `name` of `state`, of the wanted shape and dtype. Throws Error(kNotFound) or
/// Error(kInvalidFile) that names the tensor.
const at::Tensor& find_state(const State& state, const std::string& name, at::IntArrayRef sizes,
                             at::ScalarType dtype);

}  // namespace levin::train::optim
