// Number formats that C++20 lacks: bfloat16, IEEE half, FP8 E4M3, and power-of-two scales.
// Source: OCP FP8 specification (E4M3, "fn" variant); DeepSeek-V3.2-Exp inference/kernel.py.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace levin::base {

/// bfloat16 as bits: the upper half of a float32.
struct Bf16 {
  uint16_t bits = 0;
};

/// IEEE binary16 as bits.
struct F16 {
  uint16_t bits = 0;
};

/// FP8 E4M3 ("e4m3fn") as bits: bias 7, no infinities, 0x7F and 0xFF are NaN, largest 448.
struct E4m3 {
  uint8_t bits = 0;
};

inline constexpr float kE4m3Max = 448.0F;

[[nodiscard]] constexpr float to_f32(Bf16 value) noexcept {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

/// Round to nearest even; a NaN stays a NaN.
[[nodiscard]] constexpr Bf16 to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
    return Bf16{static_cast<uint16_t>((bits >> 16) | 0x40U)};
  }
  return Bf16{static_cast<uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16)};
}

[[nodiscard]] float to_f32(F16 value) noexcept;
/// Round to nearest even; too large becomes infinity.
[[nodiscard]] F16 to_f16(float value) noexcept;

namespace detail {
constexpr float decode_e4m3(uint8_t bits) noexcept {
  const uint32_t exponent = (bits >> 3) & 0xFU;
  const uint32_t mantissa = bits & 7U;
  if (exponent == 0xF && mantissa == 7) {
    return std::bit_cast<float>(0x7FC00000U | (static_cast<uint32_t>(bits & 0x80U) << 24));
  }
  float magnitude = static_cast<float>(mantissa) * 0x1p-9F;
  if (exponent > 0) {
    magnitude = std::bit_cast<float>((exponent + 120U) << 23) *
                (1.0F + static_cast<float>(mantissa) * 0.125F);
  }
  return (bits & 0x80U) != 0 ? -magnitude : magnitude;
}

constexpr std::array<float, 256> make_e4m3_table() noexcept {
  std::array<float, 256> table{};
  for (int code = 0; code < 256; ++code) {
    table[static_cast<size_t>(code)] = decode_e4m3(static_cast<uint8_t>(code));
  }
  return table;
}
}  // namespace detail

/// Value of every E4M3 code.
inline constexpr std::array<float, 256> kE4m3Values = detail::make_e4m3_table();

[[nodiscard]] constexpr float to_f32(E4m3 value) noexcept { return kE4m3Values[value.bits]; }

/// Saturating cast, round to nearest even: beyond 448 (and infinity) becomes 448 of that sign, NaN
/// becomes a NaN. This is what DeepSeek's kernels do after their clamp.
[[nodiscard]] E4m3 to_e4m3(float value) noexcept;

/// Scale of an activation group with largest magnitude `amax` (floored at 1e-4), as in act_quant:
/// amax * (1/448), rounded up to a power of two if `round_to_power_of_two` (scale_fmt ue8m0).
[[nodiscard]] float act_quant_scale(float amax, bool round_to_power_of_two) noexcept;

/// True for a finite power of two (the values that UE8M0 can hold).
[[nodiscard]] bool is_power_of_two(float value) noexcept;

}  // namespace levin::base
