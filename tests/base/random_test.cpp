#include "base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>

namespace levin::base {
namespace {

TEST(Random, IsAFunctionOfSeedAndCounter) {
  static_assert(random_bits(1, 2) == random_bits(1, 2));
  EXPECT_NE(random_bits(1, 2), random_bits(1, 3));
  EXPECT_NE(random_bits(1, 2), random_bits(2, 2));
  EXPECT_NE(random_bits(1, 2), random_bits(2, 1));
}

// Texts that were sampled with a seed must come out again in later versions.
TEST(Random, TheValuesNeverChange) {
  EXPECT_EQ(mix_bits(1), 0x5692161D100B05E5ULL);
  EXPECT_EQ(random_bits(0, 0), 0x2FF145472E2746D6ULL);
  EXPECT_EQ(random_bits(42, 1000000007), 0x408C87917475EBAEULL);
}

TEST(Random, NeighbouringSeedsAndCountersDifferInHalfTheirBits) {
  double changed = 0.0;
  constexpr int kPairs = 4000;
  for (uint64_t i = 0; i < kPairs; ++i) {
    changed += std::popcount(random_bits(7, i) ^ random_bits(7, i + 1));
    changed += std::popcount(random_bits(i, 7) ^ random_bits(i + 1, 7));
  }
  EXPECT_NEAR(changed / (2.0 * kPairs), 32.0, 0.3);
}

TEST(Random, UniformFillsTheUnitIntervalEvenly) {
  std::array<int, 50> counts{};
  constexpr int kDraws = 100000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double value = random_uniform(3, i);
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++counts[static_cast<size_t>(value * 50)];
  }
  double chi_square = 0.0;
  for (const int count : counts) {
    const double difference = count - kDraws / 50.0;
    chi_square += difference * difference / (kDraws / 50.0);
  }
  EXPECT_LT(chi_square, 49 + 5 * std::sqrt(2.0 * 49));
}

TEST(Random, NormalHasTheMomentsOfTheNormalDistribution) {
  constexpr int kDraws = 100000;
  double sum = 0.0;
  double squares = 0.0;
  double fourth_powers = 0.0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double value = random_normal(5, i);
    ASSERT_TRUE(std::isfinite(value));
    sum += value;
    squares += value * value;
    fourth_powers += value * value * value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 0.02);
  EXPECT_NEAR(squares / kDraws, 1.0, 0.03);
  EXPECT_NEAR(fourth_powers / kDraws, 3.0, 0.2);
}

}  // namespace
}  // namespace levin::base
