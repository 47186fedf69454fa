// A process that writes the cache is killed at any moment: the next one finds right pages or none.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "disk_pages.h"
#include "runtime/disk_cache.h"

namespace levin::runtime {
namespace {

using namespace std::chrono_literals;
using testing::chain_of;
using testing::keep_all;
using testing::kTestPageBytes;
using testing::options_in;
using testing::right_pages;
using testing::TemporaryFolder;

constexpr uint64_t kChains = 8;
constexpr int64_t kChainPages = 12;

/// Opens the cache and keeps chain after chain until somebody kills it. Some pages are evicted.
[[noreturn]] void write_until_killed(const DiskCacheOptions& options, uint64_t seed) {
  DiskCache cache(options);
  for (uint64_t i = 0;; ++i) {
    keep_all(cache, chain_of(base::random_bits(seed, i) % kChains, kChainPages));
    (void)cache.flush(10s);
  }
}

/// How long a process takes from its start until a chain is on disk.
std::chrono::microseconds time_of_one_chain() {
  const TemporaryFolder folder;
  std::array<int, 2> done{};
  EXPECT_EQ(::pipe(done.data()), 0);
  const auto start = std::chrono::steady_clock::now();
  const pid_t writer = ::fork();
  if (writer == 0) {
    DiskCache cache(options_in(folder));
    keep_all(cache, chain_of(0, kChainPages));
    const char is_kept = cache.flush(60s) ? 1 : 0;
    (void)::write(done[1], &is_kept, 1);
    ::_exit(0);
  }
  char is_kept = 0;
  EXPECT_EQ(::read(done[0], &is_kept, 1), 1);
  EXPECT_EQ(is_kept, 1);
  const auto end = std::chrono::steady_clock::now();
  ::waitpid(writer, nullptr, 0);
  ::close(done[0]);
  ::close(done[1]);
  return std::chrono::duration_cast<std::chrono::microseconds>(end - start);
}

void kill_writers(int rounds) {
  const auto longest_life_us = static_cast<uint64_t>(4 * time_of_one_chain().count());
  const TemporaryFolder folder;
  const DiskCacheOptions options =
      options_in(folder, kChains * kChainPages / 2 * segment_bytes(kTestPageBytes));
  int64_t right = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto seed = static_cast<uint64_t>(round);
    const pid_t writer = ::fork();
    if (writer == 0) {
      write_until_killed(options, seed);
    }
    std::this_thread::sleep_for(
        std::chrono::microseconds(base::random_bits(7, seed) % longest_life_us));
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    DiskCache cache(options);
    ASSERT_TRUE(cache.stats().is_on);
    ASSERT_LE(testing::bytes_on_disk(folder), options.limit_bytes);
    for (uint64_t chain = 0; chain < kChains; ++chain) {
      const int64_t pages = right_pages(cache, chain_of(chain, kChainPages));
      ASSERT_GE(pages, 0) << "round " << round << ": a wrong page";
      right += pages;
    }
    ASSERT_EQ(cache.stats().damaged_pages, 0) << "files are there whole or not at all";
  }
  EXPECT_GT(right, 0) << "the writers came to write something";
}

TEST(DiskCacheKill, NothingWrongIsFoundAfterAnyKill) { kill_writers(20); }

TEST(DiskCacheKillSlow, NothingWrongIsFoundAfter500Kills) { kill_writers(500); }

}  // namespace
}  // namespace levin::runtime
