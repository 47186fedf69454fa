#include "eval/intervals.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace levin::eval {
namespace {

void expect_interval(const Estimate& estimate, double low, double high) {
  EXPECT_NEAR(estimate.low, low, 5e-5);
  EXPECT_NEAR(estimate.high, high, 5e-5);
}

TEST(Wilson, GivesThePublishedValues) {
  // Newcombe, Stat. Med. 17 (1998) 857, table I, method 3.
  expect_interval(wilson(81, 263), 0.2553, 0.3662);
  expect_interval(wilson(15, 148), 0.0624, 0.1605);
  expect_interval(wilson(0, 20), 0.0, 0.1611);
  expect_interval(wilson(1, 29), 0.0061, 0.1718);
}

TEST(Wilson, EndsExactlyWhereAllOrNoneAreRight) {
  EXPECT_EQ(wilson(0, 7).low, 0.0);
  EXPECT_EQ(wilson(7, 7).high, 1.0);
  EXPECT_EQ(wilson(0, 0).high, 1.0);
}

TEST(PairedDifference, GivesThePublishedValues) {
  // Newcombe, Stat. Med. 17 (1998) 2635, method 10: 20, 12, 2, 16.
  const Estimate estimate = paired_difference({20, 12, 2, 16});
  EXPECT_NEAR(estimate.value, 0.2, 1e-12);
  expect_interval(estimate, 0.0562, 0.3292);
}

TEST(PairedDifference, ChangesSignWithTheOrder) {
  const Estimate one = paired_difference({50, 9, 3, 20});
  const Estimate other = paired_difference({50, 3, 9, 20});
  EXPECT_DOUBLE_EQ(one.value, -other.value);
  EXPECT_NEAR(one.low, -other.high, 1e-12);
  EXPECT_NEAR(one.high, -other.low, 1e-12);
}

TEST(PairedDifference, KeepsAWidthWhereAllPairsAgree) {
  const Estimate estimate = paired_difference({100, 0, 0, 0});
  EXPECT_EQ(estimate.value, 0.0);
  EXPECT_LT(estimate.low, -0.01);
  EXPECT_GT(estimate.high, 0.01);
}

TEST(PairedCounts, CountWhoWasRight) {
  PairedCounts counts;
  counts.add(true, true);
  counts.add(true, false);
  counts.add(false, true);
  counts.add(false, false);
  counts.add(false, false);
  EXPECT_EQ(counts.both, 1);
  EXPECT_EQ(counts.first_only, 1);
  EXPECT_EQ(counts.second_only, 1);
  EXPECT_EQ(counts.neither, 2);
}

TEST(DesignEffect, CountsDocumentsWhereTheirQuestionsAreAllAlike) {
  // Four documents of three equal answers: twelve questions tell as much as four.
  const std::vector<std::vector<double>> alike = {{1, 1, 1}, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}};
  EXPECT_NEAR(design_effect(alike), 3.0 * 4.0 / 3.0, 1e-12) << "and the mean is estimated, too";
  const Estimate wide = wilson(6, 12, design_effect(alike));
  const Estimate of_three = wilson(3, 6, 2.0);
  EXPECT_DOUBLE_EQ(wide.value, 0.5);
  EXPECT_DOUBLE_EQ(wide.low, of_three.low);
  EXPECT_DOUBLE_EQ(wide.high, of_three.high);
}

TEST(DesignEffect, IsOneForSingleQuestionsAndNeverBelow) {
  const std::vector<std::vector<double>> single(200, {1.0});
  std::vector<std::vector<double>> mixed = single;
  for (size_t i = 0; i < 100; ++i) {
    mixed[i] = {0.0};
  }
  EXPECT_EQ(design_effect(single), 1.0) << "nothing varies";
  EXPECT_NEAR(design_effect(mixed), 1.0, 0.01);
  const std::vector<std::vector<double>> opposed(50, {1.0, 0.0});
  EXPECT_EQ(design_effect(opposed), 1.0);
  EXPECT_EQ(design_effect({}), 1.0);
}

TEST(DesignEffect, WidensTheDifferenceOfPairs) {
  const PairedCounts counts{20, 12, 2, 16};
  const Estimate narrow = paired_difference(counts);
  const Estimate wide = paired_difference(counts, 2.0);
  EXPECT_EQ(wide.value, narrow.value);
  EXPECT_LT(wide.low, narrow.low);
  EXPECT_GT(wide.high, narrow.high);
  // Two questions of a document that always go together tell what one of half as many tells.
  const Estimate half = paired_difference({10, 6, 1, 8});
  expect_interval(wide, half.low, half.high);
}

TEST(MeanOf, HasStudentsInterval) {
  const std::array samples = {1.0, 2.0, 3.0, 4.0, 5.0};
  const Estimate estimate = mean_of(samples);
  EXPECT_DOUBLE_EQ(estimate.value, 3.0);
  expect_interval(estimate, 3.0 - 1.96324, 3.0 + 1.96324);  // 2.7764 * sqrt(2.5 / 5)
}

TEST(MeanOf, HasStudentsIntervalBeyondTheTable) {
  std::vector<double> samples(32, 0.0);
  samples[0] = 32.0;  // mean 1, standard error 1
  EXPECT_NEAR(mean_of(samples).low, 1.0 - 2.0395, 1e-4);
  EXPECT_NEAR(mean_of(samples).high, 1.0 + 2.0395, 1e-4);
}

TEST(MeanOf, KnowsNothingFromOneSample) {
  const std::array samples = {4.0};
  EXPECT_EQ(mean_of(samples).value, 4.0);
  EXPECT_TRUE(std::isinf(mean_of(samples).low));
  EXPECT_EQ(mean_of({}).value, 0.0);
}

}  // namespace
}  // namespace levin::eval
