// The filter behind the top-k, in every table: exact, in order, within its bounds.
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/random.h"
#include "kernels/tables.h"

namespace levin::kernels {
namespace {

using testing::kInfinity;

class AppendAboveTest : public testing::TableTest {
 protected:
  /// Checks the table against the definition, with guards behind the last kept number.
  void check(const std::vector<float>& scores, float threshold) {
    std::vector<float> expected_scores;
    std::vector<int32_t> expected_positions;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] > threshold) {
        expected_scores.push_back(scores[i]);
        expected_positions.push_back(1000 + static_cast<int32_t>(i));
      }
    }
    std::vector<float> kept_scores(scores.size() + 1, 77.0F);
    std::vector<int32_t> kept_positions(scores.size() + 1, -7);
    const auto count = static_cast<int64_t>(scores.size());
    const int64_t kept = table_->append_above(scores.data(), count, 1000, threshold,
                                              kept_scores.data(), kept_positions.data());
    ASSERT_EQ(kept, std::ssize(expected_scores));
    EXPECT_EQ(kept_scores[count], 77.0F);
    EXPECT_EQ(kept_positions[count], -7);
    kept_scores.resize(static_cast<size_t>(kept));
    kept_positions.resize(static_cast<size_t>(kept));
    EXPECT_EQ(kept_scores, expected_scores);
    EXPECT_EQ(kept_positions, expected_positions);
  }
};

TEST_P(AppendAboveTest, KeepsWhatExceedsTheThresholdInOrder) {
  for (int count = 0; count <= 70; ++count) {
    std::vector<float> scores;
    for (int i = 0; i < count; ++i) {
      scores.push_back(static_cast<float>(
          base::random_normal(static_cast<uint64_t>(count), static_cast<uint64_t>(i))));
    }
    for (const float threshold : {-kInfinity, -0.5F, 0.0F, 1.5F, kInfinity}) {
      check(scores, threshold);
    }
  }
}

TEST_P(AppendAboveTest, DropsTiesNansAndMinusInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> scores(64, 1.0F);
  check(scores, 1.0F);
  scores[3] = nan;
  scores[40] = -kInfinity;
  scores[63] = kInfinity;
  check(scores, -kInfinity);
  check(scores, 1.0F);
  check(scores, nan);
  check({0.0F, -0.0F, 1e-45F}, 0.0F);
}

LEVIN_FOR_EACH_TABLE(AppendAboveTest);

}  // namespace
}  // namespace levin::kernels
