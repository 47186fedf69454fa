// What DeepSeek's FP8 kernels do to numbers, computed with ordinary ones (docs/model.md 1.6, 1.7).
// Written apart from base/float_formats.h and the engine, to check them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace levin::train::nn {

/// The nearest E4M3 value, ties to even, saturating at 448. Any shape, f32 or f64; dtype kept.
at::Tensor round_to_e4m3(const at::Tensor& x);

/// Quantises and dequantises groups of `group_size` features of the last dimension, in f32: the
/// scale is max(amax, 1e-4) / 448, rounded up to a power of two if `is_ue8m0`. Dtype kept.
/// Throws Error(kInvalidArgument) if the dimension is no multiple of the group.
at::Tensor act_quant(const at::Tensor& x, int64_t group_size, bool is_ue8m0);

/// Walsh-Hadamard transform of the last dimension (Sylvester order) times dim^-0.5.
at::Tensor hadamard(const at::Tensor& x);

}  // namespace levin::train::nn
