#include "base/memory_info.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace levin::base {
namespace {

TEST(MemoryInfo, WrittenMemoryShowsAsAnonymous) {
  constexpr int64_t kBytes = int64_t{64} << 20;
  const ProcessMemory before = process_memory();
  EXPECT_GT(before.resident_bytes, 0);
  std::vector<char> block(static_cast<size_t>(kBytes), 1);
  const ProcessMemory after = process_memory();
  EXPECT_GE(after.anonymous_bytes - before.anonymous_bytes, kBytes * 9 / 10);
  EXPECT_GE(after.peak_resident_bytes, after.resident_bytes * 9 / 10);
  EXPECT_EQ(std::ranges::count(block, 1), kBytes);
}

TEST(MemoryInfo, TheMachineHasMemoryAndSomeOfItIsFree) {
  EXPECT_GT(available_memory_bytes(), 0);
  EXPECT_GE(total_memory_bytes(), available_memory_bytes());
}

}  // namespace
}  // namespace levin::base
