// Draws one after the other from base/random.h: the same sequence on every machine.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fnv1a.h"
#include "base/random.h"

namespace levin::train::data {

/// FNV-1a, mixed: a number for a name, on every machine the same.
[[nodiscard]] constexpr uint64_t hash_text(std::string_view text) noexcept {
  return base::mix_bits(base::fnv1a(text));
}

/// Only integer arithmetic and one multiplication of doubles, so nothing depends on a maths
/// library. Moduli leave a bias below 2^-40 for the small ranges used here.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) noexcept : seed_(seed) {}

  [[nodiscard]] uint64_t bits() noexcept { return base::random_bits(seed_, counter_++); }

  /// 0 to count - 1; `count` must be positive.
  [[nodiscard]] int64_t below(int64_t count) noexcept {
    return static_cast<int64_t>(bits() % static_cast<uint64_t>(count));
  }

  /// `low` to `high`, both included.
  [[nodiscard]] int64_t between(int64_t low, int64_t high) noexcept {
    return low + below(high - low + 1);
  }

  [[nodiscard]] double uniform() noexcept { return base::random_uniform(seed_, counter_++); }

  [[nodiscard]] bool chance(double probability) noexcept { return uniform() < probability; }

  template <typename List>
  [[nodiscard]] const auto& pick(const List& list) noexcept {
    return list[static_cast<size_t>(below(static_cast<int64_t>(std::size(list))))];
  }

  template <typename T>
  void shuffle(std::vector<T>& items) noexcept {
    for (size_t left = items.size(); left > 1; --left) {
      std::swap(items[left - 1], items[static_cast<size_t>(below(static_cast<int64_t>(left)))]);
    }
  }

  /// Every doubling of `low` up to `high` equally often, evenly within it: log-uniform but
  /// for the last doubling, which counts as a whole one where `high` cuts it short.
  [[nodiscard]] int64_t between_by_octave(int64_t low, int64_t high) noexcept {
    const auto octaves = static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(high / low)));
    const int64_t begin = low << below(octaves);
    return between(begin, std::min(high, 2 * begin - 1));
  }

 private:
  uint64_t seed_;
  uint64_t counter_ = 0;
};

}  // namespace levin::train::data
