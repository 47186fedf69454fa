// Hadamard transform and FP8 rounding of a row in lanes, bit for bit as ref does it: the
// butterflies of a stage are independent, so only the order of the stages matters.
#pragma once

#include "kernels/generic/e4m3.h"
#include "kernels/generic/lanes.h"
#include "kernels/index_row_dim.h"

namespace levin::kernels {
namespace {

/// Butterflies between lanes Half apart: a + b in the lower, a - b in the upper one. `Partner`
/// lists each lane's index with the bit Half flipped.
template <int Half, int... Partner>
LEVIN_LANES_INLINE void butterfly(Lanes& x) {
  constexpr IntLanes kPartner = {Partner...};
  const IntLanes is_upper = (kPartner & Half) == 0;
  const IntLanes sign = is_upper & static_cast<int32_t>(0x80000000);
  x = __builtin_shufflevector(x, x, Partner...) + as_float(as_int(x) ^ sign);
}

#ifdef __AVX512F__
/// The stages inside a register, as far as `dim` goes.
LEVIN_LANES_INLINE void butterflies(Lanes& x, int64_t dim) {
  butterfly<1, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14>(x);
  if (dim > 2) {
    butterfly<2, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13>(x);
  }
  if (dim > 4) {
    butterfly<4, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11>(x);
  }
  if (dim > 8) {
    butterfly<8, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7>(x);
  }
}
#else
/// The stages inside a register, as far as `dim` goes.
LEVIN_LANES_INLINE void butterflies(Lanes& x, int64_t dim) {
  butterfly<1, 1, 0, 3, 2, 5, 4, 7, 6>(x);
  if (dim > 2) {
    butterfly<2, 2, 3, 0, 1, 6, 7, 4, 5>(x);
  }
  if (dim > 4) {
    butterfly<4, 4, 5, 6, 7, 0, 1, 2, 3>(x);
  }
}
#endif

/// y = H y / sqrt(dim), in place; `y` is padded with zeros to full registers.
LEVIN_LANES_INLINE void hadamard_lanes(float* y, int64_t dim) {
  for (int64_t i = 0; i < dim; i += kLanes) {
    Lanes x = load_lanes(y + i);
    butterflies(x, dim);
    store_lanes(y + i, x);
  }
  for (int64_t half = kLanes; half < dim; half *= 2) {
    for (int64_t first = 0; first < dim; first += 2 * half) {
      for (int64_t i = first; i < first + half; i += kLanes) {
        const Lanes a = load_lanes(y + i);
        const Lanes b = load_lanes(y + i + half);
        store_lanes(y + i, a + b);
        store_lanes(y + i + half, a - b);
      }
    }
  }
  const float factor = 1.0F / __builtin_sqrtf(static_cast<float>(dim));
  for (int64_t i = 0; i < dim; i += kLanes) {
    store_lanes(y + i, load_lanes(y + i) * factor);
  }
}

LEVIN_LANES_INLINE float quantize_index_row_lanes(const float* x, int64_t dim, bool hadamard,
                                                  bool power_of_two_scale, uint8_t* codes) {
  alignas(64) float y[kMaxIndexHeadDim];
  for_lanes(dim, [&](int64_t i, int64_t n) { store_lanes(y + i, load_some(x + i, n)); });
  if (hadamard) {
    hadamard_lanes(y, dim);
  }
  const float scale = act_quant_scale_of(largest_magnitude(y, dim), power_of_two_scale);
  for_lanes(dim, [&](int64_t i, int64_t n) {
    const ByteLanes row_codes =
        __builtin_convertvector(e4m3_codes(load_lanes(y + i) / scale), ByteLanes);
    __builtin_memcpy(codes + i, &row_codes, static_cast<size_t>(n));
  });
  return scale;
}

}  // namespace
}  // namespace levin::kernels
