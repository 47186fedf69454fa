#include "eval/statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace levin::eval {
namespace {

TEST(Spread, HasMedianAndExtremes) {
  const std::vector<double> odd = {3.0, 1.0, 10.0};
  EXPECT_EQ(spread_of(odd).median, 3.0);
  EXPECT_EQ(spread_of(odd).min, 1.0);
  EXPECT_EQ(spread_of(odd).max, 10.0);
  EXPECT_EQ(spread_of(std::vector<double>{4.0, 1.0}).median, 2.5);
}

TEST(Spread, OfNothingIsZero) { EXPECT_EQ(spread_of({}).median, 0.0); }

}  // namespace
}  // namespace levin::eval
