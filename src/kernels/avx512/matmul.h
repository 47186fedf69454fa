// The two ways of the AVX-512 matmul and the order of summation that they share.
//
// For every output, k is cut in blocks of kBlockK. Within a block 16 lanes add up pairs of
// products, 32 k a step (vdpbf16ps); the lanes are added as reduce.h says; the sums of the blocks
// are added in order. Nothing of this depends on m or on how rows are grouped.
//
// int8 weights also take this way: VNNI (vpdpbusd) measured 610 GOP/s a core on Zen 5 against 570
// for vdpbf16ps, which does not pay for a second numeric path.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/float_formats.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels::avx512 {
namespace {

using base::Bf16;
using tensor::WeightMatrix;

inline constexpr int64_t kBlockK = 2048;  // a multiple of the FP8 blocks' 128

/// Activations and results of one product.
struct Operands {
  const Bf16* a;  ///< [m, k]
  int64_t a_stride;
  int64_t m;
  float* c;  ///< [m, rows]
  int64_t c_stride;
};

}  // namespace
}  // namespace levin::kernels::avx512
