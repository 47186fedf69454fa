#include "base/float_formats.h"

#include <algorithm>
#include <cmath>

namespace levin::base {

float to_f32(F16 value) noexcept {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000U) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1FU;
  const uint32_t mantissa = value.bits & 0x3FFU;
  if (exponent == 0x1F) {
    return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
  }
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

F16 to_f16(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    return F16{static_cast<uint16_t>(sign | 0x7E00U)};
  }
  if (magnitude >= 0x477FF000U) {  // rounds to 65536 or more
    return F16{static_cast<uint16_t>(sign | 0x7C00U)};
  }
  if (magnitude < 0x38800000U) {  // subnormal half: the sum's last bit is worth 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
    return F16{static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3F000000U))};
  }
  const uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13) & 1U) - (112U << 23);
  return F16{static_cast<uint16_t>(sign | (rounded >> 13))};
}

E4m3 to_e4m3(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint8_t>((bits >> 24) & 0x80U);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    return E4m3{0x7F};
  }
  if (magnitude >= 0x43E00000U) {  // 448 and more
    return E4m3{static_cast<uint8_t>(sign | 0x7EU)};
  }
  if (magnitude < 0x3C800000U) {  // below 2^-6: subnormal, a multiple of 2^-9
    const float shifted = std::bit_cast<float>(magnitude) + 16384.0F;  // last bit worth 2^-9
    return E4m3{static_cast<uint8_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x46800000U))};
  }
  const uint32_t rounded = magnitude + 0x7FFFFU + ((magnitude >> 20) & 1U) - (120U << 23);
  return E4m3{static_cast<uint8_t>(sign | std::min<uint32_t>(rounded >> 20, 0x7EU))};
}

float act_quant_scale(float amax, bool round_to_power_of_two) noexcept {
  const float scale = std::max(amax, 1e-4F) * (1.0F / kE4m3Max);
  if (!round_to_power_of_two) {
    return scale;
  }
  const auto bits = std::bit_cast<uint32_t>(scale);
  const uint32_t exponent = (bits >> 23) + ((bits & 0x7FFFFFU) != 0 ? 1U : 0U);
  return std::bit_cast<float>(exponent << 23);
}

bool is_power_of_two(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t exponent = bits >> 23;
  return exponent > 0 && exponent < 0xFF && (bits & 0x7FFFFFU) == 0;
}

}  // namespace levin::base
