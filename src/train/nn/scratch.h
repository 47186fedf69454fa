// Memory that an operator reuses for every block.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace levin::train::nn {

/// One allocation, lent out as tensors of any shape that fits. A fresh tensor of tens of megabytes
/// for every block would spend more time in page faults than in arithmetic.
class Scratch {
 public:
  Scratch(int64_t elements, const at::TensorOptions& options);

  /// A contiguous tensor over the memory's begin; it overlaps every other tensor taken.
  [[nodiscard]] at::Tensor take(at::IntArrayRef sizes) const;

 private:
  at::Tensor memory_;
};

}  // namespace levin::train::nn
