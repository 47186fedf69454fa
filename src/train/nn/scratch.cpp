#include "train/nn/scratch.h"

#include <ATen/ATen.h>

namespace levin::train::nn {

Scratch::Scratch(int64_t elements, const at::TensorOptions& options)
    : memory_(at::empty({elements}, options)) {}

at::Tensor Scratch::take(at::IntArrayRef sizes) const {
  return memory_.narrow(0, 0, c10::multiply_integers(sizes)).view(sizes);
}

}  // namespace levin::train::nn
