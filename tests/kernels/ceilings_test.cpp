#include "kernels/ceilings.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/tables.h"

namespace levin::kernels {
namespace {

class CeilingWork : public testing::TableTest {};
LEVIN_FOR_EACH_TABLE(CeilingWork);

TEST_P(CeilingWork, ReadSumAddsEveryNumber) {
  std::vector<float> numbers(1024);
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(i);
  }
  EXPECT_EQ(table_->read_sum(numbers.data(), 1024), 1023.0F * 1024.0F / 2.0F);
}

TEST_P(CeilingWork, DotRateWorkCountsItsOperations) {
  float sink = 0.0F;
  const double ten = table_->dot_rate_work(10, &sink);
  EXPECT_GT(ten, 0.0);
  EXPECT_EQ(table_->dot_rate_work(20, &sink), 2.0 * ten);
}

TEST(Ceilings, ArePositiveAndOfThisWorld) {
  base::ThreadPool pool(2);
  Context ctx(pool, select_table());
  const double read_gb_per_s = measure_read_gb_per_s(ctx, int64_t{8} << 20, 1);
  EXPECT_GT(read_gb_per_s, 0.01);
  EXPECT_LT(read_gb_per_s, 1e5);
  const double bf16_gflop_per_s = measure_bf16_gflop_per_s(ctx, 1);
  EXPECT_GT(bf16_gflop_per_s, 0.01);
  EXPECT_LT(bf16_gflop_per_s, 1e6);
}

}  // namespace
}  // namespace levin::kernels
