#include "base/units.h"

#include <gtest/gtest.h>

namespace levin::base {
namespace {

TEST(FormatBytes, UsesPowersOf1024) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(100 * 1024), "100 KiB");
  EXPECT_EQ(format_bytes(int64_t{12} << 30), "12.0 GiB");
  EXPECT_EQ(format_bytes(int64_t{1} << 50), "1024 TiB");
}

TEST(FormatDuration, RoundsUpToWholeSeconds) {
  EXPECT_EQ(format_duration(0.0), "0s");
  EXPECT_EQ(format_duration(11.1), "12s");
  EXPECT_EQ(format_duration(200.0), "3m 20s");
  EXPECT_EQ(format_duration(7500.0), "2h 5m");
}

}  // namespace
}  // namespace levin::base
