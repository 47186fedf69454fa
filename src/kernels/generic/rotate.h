// Rotary embedding of a row in lanes, bit for bit as ref does it: every number is two products and
// their sum, which nothing fuses (cmake/kernels.cmake).
#pragma once

#include "kernels/generic/lanes.h"

namespace levin::kernels {
namespace {

#ifdef __AVX512F__
/// Every second of the numbers of two registers.
LEVIN_LANES_INLINE Lanes even_lanes(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
LEVIN_LANES_INLINE Lanes odd_lanes(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
/// The first and the second half of a and b in turns.
LEVIN_LANES_INLINE Lanes zip_low(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
LEVIN_LANES_INLINE Lanes zip_high(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}
#else
/// Every second of the numbers of two registers.
LEVIN_LANES_INLINE Lanes even_lanes(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
}
LEVIN_LANES_INLINE Lanes odd_lanes(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
}
/// The first and the second half of a and b in turns.
LEVIN_LANES_INLINE Lanes zip_low(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}
LEVIN_LANES_INLINE Lanes zip_high(Lanes a, Lanes b) {
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}
#endif

struct RotatedLanes {
  Lanes first;
  Lanes second;
};

LEVIN_LANES_INLINE RotatedLanes rotate_lanes(Lanes a, Lanes b, Lanes cos, Lanes sin) {
  return {a * cos - b * sin, a * sin + b * cos};
}

/// The pairs of one register of angles.   x [2 * kLanes]
LEVIN_LANES_INLINE void rotate_register(float* x, Lanes cos, Lanes sin) {
  const Lanes low = load_lanes(x);
  const Lanes high = load_lanes(x + kLanes);
  const RotatedLanes y = rotate_lanes(even_lanes(low, high), odd_lanes(low, high), cos, sin);
  store_lanes(x, zip_low(y.first, y.second));
  store_lanes(x + kLanes, zip_high(y.first, y.second));
}

LEVIN_LANES_INLINE void rotate_pairs_lanes(float* x, const float* cos, const float* sin,
                                           int64_t pairs) {
  for_lanes(pairs, [&](int64_t i, int64_t n) {
    if (n == kLanes) {
      rotate_register(x + 2 * i, load_lanes(cos + i), load_lanes(sin + i));
      return;
    }
    float numbers[2 * kLanes] = {};
    for (int64_t j = 0; j < 2 * n; ++j) {
      numbers[j] = x[2 * i + j];
    }
    rotate_register(numbers, load_tail(cos + i, n), load_tail(sin + i, n));
    for (int64_t j = 0; j < 2 * n; ++j) {
      x[2 * i + j] = numbers[j];
    }
  });
}

LEVIN_LANES_INLINE void rotate_halves_lanes(float* x, const float* cos, const float* sin,
                                            int64_t pairs) {
  for_lanes(pairs, [&](int64_t i, int64_t n) {
    const RotatedLanes y = rotate_lanes(load_some(x + i, n), load_some(x + pairs + i, n),
                                        load_some(cos + i, n), load_some(sin + i, n));
    store_some(x + i, y.first, n);
    store_some(x + pairs + i, y.second, n);
  });
}

}  // namespace
}  // namespace levin::kernels
