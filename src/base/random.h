// Random numbers as a pure function of (seed, counter): batching, preemption and resume never
// change what is drawn.
#pragma once

#include <cmath>
#include <cstdint>

namespace levin::base {

/// splitmix64's finaliser: a bijection that spreads every input bit over the output.
[[nodiscard]] constexpr uint64_t mix_bits(uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// A seed that nobody can foresee, from the system.
[[nodiscard]] uint64_t random_seed();

/// 64 random bits of (seed, counter).
[[nodiscard]] constexpr uint64_t random_bits(uint64_t seed, uint64_t counter) noexcept {
  return mix_bits(mix_bits(seed + 0x9E3779B97F4A7C15ULL) + counter * 0x9E3779B97F4A7C15ULL +
                  0xD1B54A32D192ED03ULL);
}

/// Uniform in [0, 1), 53 bits.
[[nodiscard]] constexpr double random_uniform(uint64_t seed, uint64_t counter) noexcept {
  return static_cast<double>(random_bits(seed, counter) >> 11) * 0x1p-53;
}

/// Standard normal (Box-Muller on two counters).
[[nodiscard]] inline double random_normal(uint64_t seed, uint64_t counter) noexcept {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - random_uniform(seed, 2 * counter)));
  return radius * std::cos(6.283185307179586 * random_uniform(seed, 2 * counter + 1));
}

}  // namespace levin::base
