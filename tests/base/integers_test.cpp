#include "base/integers.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

namespace levin::base {
namespace {

TEST(Integers, CeilDivRoundsUp) {
  EXPECT_EQ(ceil_div(0, 4), 0);
  EXPECT_EQ(ceil_div(1, 4), 1);
  EXPECT_EQ(ceil_div(4, 4), 1);
  EXPECT_EQ(ceil_div(5, 4), 2);
  EXPECT_EQ(ceil_div(int64_t{1} << 40, 3), 366503875926);
  static_assert(ceil_div(size_t{7}, 2) == 4);
}

TEST(Integers, RoundUpGivesAMultiple) {
  EXPECT_EQ(round_up(0, 64), 0);
  EXPECT_EQ(round_up(1, 64), 64);
  EXPECT_EQ(round_up(64, 64), 64);
  EXPECT_EQ(round_up(int64_t{65}, 64), 128);
}

}  // namespace
}  // namespace levin::base
