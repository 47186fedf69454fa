// One register of float32 lanes as a compiler vector: 16 lanes under AVX-512, 8 under AVX2. (Wider
// vectors than the registers would do too, but g++ 12 compares them lane by lane.)
//
// For ISA files only. Everything has internal linkage, so that no function compiled with the flags
// of one instruction set is linked for another.
#pragma once

#include <cstddef>
#include <cstdint>

#define LEVIN_LANES_INLINE inline __attribute__((always_inline))

namespace levin::kernels {
namespace {

#ifdef __AVX512F__
inline constexpr int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(64)));
using IntLanes = int32_t __attribute__((vector_size(64)));
using ByteLanes = uint8_t __attribute__((vector_size(16)));
#else
inline constexpr int64_t kLanes = 8;
using Lanes = float __attribute__((vector_size(32)));
using IntLanes = int32_t __attribute__((vector_size(32)));
using ByteLanes = uint8_t __attribute__((vector_size(8)));
#endif

LEVIN_LANES_INLINE Lanes load_lanes(const float* from) {
  Lanes lanes;
  __builtin_memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

LEVIN_LANES_INLINE void store_lanes(float* to, Lanes lanes) {
  __builtin_memcpy(to, &lanes, sizeof lanes);
}

/// The first `count` < kLanes numbers, zeros behind them.
LEVIN_LANES_INLINE Lanes load_tail(const float* from, int64_t count) {
  float numbers[kLanes] = {};
  for (int64_t i = 0; i < count; ++i) {
    numbers[i] = from[i];
  }
  return load_lanes(numbers);
}

LEVIN_LANES_INLINE void store_tail(float* to, Lanes lanes, int64_t count) {
  float numbers[kLanes];
  store_lanes(numbers, lanes);
  for (int64_t i = 0; i < count; ++i) {
    to[i] = numbers[i];
  }
}

LEVIN_LANES_INLINE Lanes splat(float value) { return value - Lanes{}; }

LEVIN_LANES_INLINE IntLanes as_int(Lanes lanes) { return reinterpret_cast<IntLanes>(lanes); }
LEVIN_LANES_INLINE Lanes as_float(IntLanes lanes) { return reinterpret_cast<Lanes>(lanes); }

/// Lanes of `yes` where the mask (-1 or 0) is set, else of `no`.
LEVIN_LANES_INLINE IntLanes select(IntLanes mask, IntLanes yes, IntLanes no) {
  return (mask & yes) | (~mask & no);
}

/// Sum of the lanes in a fixed tree.
LEVIN_LANES_INLINE float sum_of(Lanes lanes) {
  float numbers[kLanes];
  store_lanes(numbers, lanes);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) {
      numbers[i] += numbers[i + half];
    }
  }
  return numbers[0];
}

/// Calls body(offset, lanes) for every full register of [0, count) and for the tail.
template <typename Body>
LEVIN_LANES_INLINE void for_lanes(int64_t count, const Body& body) {
  const int64_t full = count / kLanes * kLanes;
  for (int64_t i = 0; i < full; i += kLanes) {
    body(i, kLanes);
  }
  if (full < count) {
    body(full, count - full);
  }
}

LEVIN_LANES_INLINE Lanes load_some(const float* from, int64_t count) {
  return count == kLanes ? load_lanes(from) : load_tail(from, count);
}

LEVIN_LANES_INLINE void store_some(float* to, Lanes lanes, int64_t count) {
  if (count == kLanes) {
    store_lanes(to, lanes);
  } else {
    store_tail(to, lanes, count);
  }
}

/// exp(x), about 2 ulp; exactly 1 at 0, exactly 0 below -87.3, infinity above 88.7; NaN stays.
LEVIN_LANES_INLINE Lanes exp_lanes(Lanes x) {
  // x = n ln2 + r, |r| <= ln2 / 2. The constant rounds x / ln2 to an integer in its last bits; ln2
  // in two parts, the first with so few bits that its product with n is exact.
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23
  const Lanes shifted = x * 1.44269504F + kRound;
  const Lanes n = shifted - kRound;
  const Lanes r = (x - n * 0.693359375F) - n * -2.12194440e-4F;
  Lanes p = splat(1.9875691500e-4F);  // minimax coefficients: Cephes, expf
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Lanes y = p * (r * r) + r + 1.0F;
  // times 2^n by its exponent bits, in two steps so that n = 128 does not overflow
  const IntLanes exponent = as_int(shifted) - 0x4B400000;
  const IntLanes half = exponent >> 1;
  const Lanes scaled = y * as_float((half + 127) << 23) * as_float((exponent - half + 127) << 23);
  const IntLanes infinity = IntLanes{} + 0x7F800000;
  IntLanes bits = select(x < -87.3F, IntLanes{}, as_int(scaled));
  bits = select(x > 88.72F, infinity, bits);
  return as_float(select(x != x, as_int(x), bits));
}

}  // namespace
}  // namespace levin::kernels
