#include "eval/random_values.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace levin::eval {
namespace {

TEST(RandomValues, AreNormalWithTheMeanAndDeviationAskedFor) {
  std::vector<float> values(200'000);
  fill_normal(3, 0, 1.0F, 0.5F, std::span<float>(values));
  double sum = 0.0;
  double squares = 0.0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const double mean = sum / static_cast<double>(values.size());
  EXPECT_NEAR(mean, 1.0, 0.01);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(values.size()) - mean * mean), 0.5, 0.01);
}

TEST(RandomValues, DoNotDependOnHowTheyAreCut) {
  std::vector<base::Bf16> whole(1000);
  fill_normal(9, 0, 0.0F, 1.0F, std::span<base::Bf16>(whole));
  std::vector<base::Bf16> tail(600);
  fill_normal(9, 400, 0.0F, 1.0F, std::span<base::Bf16>(tail));
  for (size_t i = 0; i < tail.size(); ++i) {
    ASSERT_EQ(tail[i].bits, whole[400 + i].bits);
  }
}

TEST(RandomValues, CodesUseTheWholeRangeAndAreNeverNan) {
  std::vector<base::E4m3> codes(300'000);
  fill_normal(1, 0, std::span<base::E4m3>(codes));
  float largest = 0.0F;
  double squares = 0.0;
  for (const base::E4m3 code : codes) {
    const float value = base::to_f32(code);
    ASSERT_FALSE(std::isnan(value));
    largest = std::max(largest, std::abs(value));
    squares += static_cast<double>(value) * value;
  }
  EXPECT_GE(largest, 416.0F);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(codes.size())) / normal_e4m3_std(), 1.0,
              0.01);
}

}  // namespace
}  // namespace levin::eval
