// E4M3 rounding in lanes (lanes.h), bit for bit as base/float_formats.h does it.
#pragma once

#include "kernels/generic/lanes.h"

namespace levin::kernels {
namespace {

/// Largest |x| of `count` numbers; 0 if there is no number.
LEVIN_LANES_INLINE float largest_magnitude(const float* x, int64_t count) {
  Lanes largest = {};
  for_lanes(count, [&](int64_t i, int64_t n) {
    const IntLanes magnitude = as_int(load_some(x + i, n)) & 0x7FFFFFFF;
    largest = as_float(select(as_float(magnitude) > largest, magnitude, as_int(largest)));
  });
  float amax = 0.0F;
  for (int64_t i = 0; i < kLanes; ++i) {
    amax = largest[i] > amax ? largest[i] : amax;
  }
  return amax;
}

/// base::act_quant_scale.
LEVIN_LANES_INLINE float act_quant_scale_of(float amax, bool power_of_two_scale) {
  const float scale = (amax < 1e-4F ? 1e-4F : amax) * (1.0F / 448.0F);
  if (!power_of_two_scale) {
    return scale;
  }
  uint32_t bits = 0;
  __builtin_memcpy(&bits, &scale, sizeof bits);
  bits = ((bits >> 23) + ((bits & 0x7FFFFFU) != 0 ? 1U : 0U)) << 23;
  float rounded = 0.0F;
  __builtin_memcpy(&rounded, &bits, sizeof rounded);
  return rounded;
}

/// base::to_e4m3 in every lane.
LEVIN_LANES_INLINE IntLanes e4m3_codes(Lanes x) {
  const IntLanes bits = as_int(x);
  const IntLanes sign = (bits >> 24) & 0x80;
  const IntLanes magnitude = bits & 0x7FFFFFFF;
  const IntLanes subnormal = as_int(as_float(magnitude) + 16384.0F) - 0x46800000;
  const IntLanes rounded = (magnitude + 0x7FFFF + ((magnitude >> 20) & 1) - (120 << 23)) >> 20;
  const IntLanes largest = IntLanes{} + 0x7E;
  IntLanes code = select(magnitude < 0x3C800000, subnormal, rounded);
  code = select((magnitude >= 0x43E00000) | (code > largest), largest, code);
  return select(magnitude > 0x7F800000, IntLanes{} + 0x7F, code | sign);
}

}  // namespace
}  // namespace levin::kernels
