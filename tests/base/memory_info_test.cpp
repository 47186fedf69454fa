#include "base/memory_info.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <string>
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

/// A field of /proc/self/status in bytes.
int64_t status_bytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line) && !line.starts_with(name + ":")) {
  }
  return std::stoll(line.substr(name.size() + 1)) * 1024;
}

TEST(MemoryInfo, NoMoreIsAvailableThanTheProcesssOwnLimitLeaves) {
  constexpr int64_t kLeft = int64_t{256} << 20;
  const auto expect_limited = [&](auto resource, const std::string& use) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(resource, &before), 0);
    const int64_t limit_bytes = status_bytes(use) + kLeft;
    const rlimit limit{.rlim_cur = static_cast<rlim_t>(limit_bytes), .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(resource, &limit), 0);
    const int64_t available = available_memory_bytes();
    ASSERT_EQ(::setrlimit(resource, &before), 0);
    EXPECT_GE(available, kLeft) << use;
    EXPECT_LT(available, limit_bytes) << use;
  };
  expect_limited(RLIMIT_DATA, "VmData");
  expect_limited(RLIMIT_AS, "VmSize");
}

}  // namespace
}  // namespace levin::base
