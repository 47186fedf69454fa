// Row-wise functions of OpTable in lanes (lanes.h).
#pragma once

#include "kernels/generic/lanes.h"
#include "kernels/op_table.h"

namespace levin::kernels {
namespace {

/// Sum over i of term(lanes at i), four accumulators taking turns.
template <typename Term>
LEVIN_LANES_INLINE float sum_lanes(int64_t count, const Term& term) {
  Lanes sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int64_t j = 0; j < 4; ++j) {
      sums[j] += term(i + j * kLanes, kLanes);
    }
  }
  for (; i < count; i += kLanes) {
    sums[0] += term(i, count - i < kLanes ? count - i : kLanes);
  }
  return sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

LEVIN_LANES_INLINE float inverse_root(float value) { return 1.0F / __builtin_sqrtf(value); }

LEVIN_LANES_INLINE void rms_norm_lanes(const float* x, const float* w, float eps, int64_t count,
                                       float* y) {
  const float squares = sum_lanes(count, [&](int64_t i, int64_t n) {
    const Lanes lanes = load_some(x + i, n);
    return lanes * lanes;
  });
  const float factor = inverse_root(squares / static_cast<float>(count) + eps);
  for_lanes(count, [&](int64_t i, int64_t n) {
    store_some(y + i, load_some(x + i, n) * factor * load_some(w + i, n), n);
  });
}

LEVIN_LANES_INLINE void layer_norm_lanes(const float* x, const float* w, const float* b, float eps,
                                         int64_t count, float* y) {
  const auto size = static_cast<float>(count);
  const float mean =
      sum_lanes(count, [&](int64_t i, int64_t n) { return load_some(x + i, n); }) / size;
  const float squares = sum_lanes(count, [&](int64_t i, int64_t n) {
    // Lanes behind the tail must not count as -mean.
    float centre[kLanes] = {};
    for (int64_t j = 0; j < n; ++j) {
      centre[j] = mean;
    }
    const Lanes lanes = load_some(x + i, n) - load_lanes(centre);
    return lanes * lanes;
  });
  const float factor = inverse_root(squares / size + eps);
  for_lanes(count, [&](int64_t i, int64_t n) {
    const Lanes centred = load_some(x + i, n) - mean;
    store_some(y + i, centred * factor * load_some(w + i, n) + load_some(b + i, n), n);
  });
}

LEVIN_LANES_INLINE void silu_mul_lanes(const float* gate, const float* up, int64_t count,
                                       float* y) {
  for_lanes(count, [&](int64_t i, int64_t n) {
    const Lanes g = load_some(gate + i, n);
    store_some(y + i, g / (exp_lanes(-g) + 1.0F) * load_some(up + i, n), n);
  });
}

LEVIN_LANES_INLINE void add_scaled_lanes(const float* x, float factor, int64_t count, float* y) {
  for_lanes(count, [&](int64_t i, int64_t n) {
    store_some(y + i, load_some(y + i, n) + load_some(x + i, n) * factor, n);
  });
}

}  // namespace
}  // namespace levin::kernels
