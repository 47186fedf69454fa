#include "train/run/environment.h"

#include <gtest/gtest.h>

namespace levin::train::run {
namespace {

TEST(BetterBlasCore, IsOfTheVectorWidthOfACpuThatOpenBlasDoesNotKnow) {
  EXPECT_EQ(better_blas_core("Prescott", true, true), "SKYLAKEX");
  EXPECT_EQ(better_blas_core("Prescott", true, false), "HASWELL");
  EXPECT_EQ(better_blas_core("Sandybridge", true, false), "HASWELL");
}

TEST(BetterBlasCore, LeavesAKnownCpuAndAnotherBlasAlone) {
  EXPECT_EQ(better_blas_core("Zen", true, true), "");
  EXPECT_EQ(better_blas_core("Haswell", true, true), "");
  EXPECT_EQ(better_blas_core("SkylakeX", true, true), "");
  EXPECT_EQ(better_blas_core("", true, true), "");
}

TEST(BetterBlasCore, LeavesACpuWithoutAvx2Alone) {
  EXPECT_EQ(better_blas_core("Prescott", false, false), "");
}

}  // namespace
}  // namespace levin::train::run
