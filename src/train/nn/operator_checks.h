// The argument checks that the attention operators share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/nn/selection.h"

namespace levin::train::nn {

/// A tensor argument of an operator; -1 in `sizes` allows any extent.
struct TensorArgument {
  const char* name;
  const at::Tensor& tensor;
  std::vector<int64_t> sizes;
};

/// Every tensor must be on the CPU, of one dtype (f32 or f64) and of its sizes. Throws
/// Error(kInvalidArgument) that names the operator and the tensor.
void check_arguments(const char* op, const std::vector<TensorArgument>& arguments);

/// [tokens, topk] i32, contiguous. Throws Error(kInvalidArgument).
void check_selection(const char* op, const Selection& selection, int64_t tokens);

}  // namespace levin::train::nn
