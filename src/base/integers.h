// Division of whole numbers that rounds up. Kernels for one instruction set write it out: they may
// define no inline function that others share.
#pragma once

#include <concepts>
#include <type_traits>

namespace levin::base {

/// The smallest whole number that is at least a / b; a >= 0, b > 0, and a + b does not overflow.
template <std::integral T>
[[nodiscard]] constexpr T ceil_div(T a, std::type_identity_t<T> b) noexcept {
  return (a + b - 1) / b;
}

/// The smallest multiple of `multiple` that is at least `value`; bounds as ceil_div.
template <std::integral T>
[[nodiscard]] constexpr T round_up(T value, std::type_identity_t<T> multiple) noexcept {
  return ceil_div(value, multiple) * multiple;
}

}  // namespace levin::base
