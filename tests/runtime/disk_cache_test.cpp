// Pages that outlive the process, and everything that may go wrong with that.
#include "runtime/disk_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file_size_limit.h"
#include "disk_pages.h"
#include "runtime/allocation_failure.h"

namespace levin::runtime {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using levin::testing::FileSizeLimit;
using testing::bytes_of;
using testing::bytes_on_disk;
using testing::chain_of;
using testing::flip_bit;
using testing::Found;
using testing::keep_all;
using testing::kTestPageBytes;
using testing::look_up;
using testing::options_in;
using testing::right_pages;
using testing::TemporaryFolder;

std::string segments_in(const TemporaryFolder& folder) {
  return segment_folder_path(folder.path());
}

/// Writes the chain as a process before this one would have.
void fill(const TemporaryFolder& folder, const std::vector<PageRecord>& chain) {
  DiskCache cache(options_in(folder));
  keep_all(cache, chain);
}

TEST(DiskCache, PagesSurviveARestart) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 20);
  fill(folder, chain);
  DiskCache cache(options_in(folder));
  EXPECT_EQ(right_pages(cache, chain), 20);
  const DiskCacheStats stats = cache.stats();
  EXPECT_TRUE(stats.is_on);
  EXPECT_EQ(stats.pages, 20);
  EXPECT_EQ(stats.bytes, 20 * segment_bytes(kTestPageBytes));
  EXPECT_EQ(stats.read_pages, 20);
  EXPECT_EQ(stats.written_pages, 0);
}

TEST(DiskCache, APageCanBeReadOnceItIsWritten) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 5);
  DiskCache cache(options_in(folder));
  EXPECT_EQ(look_up(cache, chain[0]), Found::kNothing);
  keep_all(cache, chain);
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(right_pages(cache, chain), 5);
  EXPECT_EQ(cache.stats().written_pages, 5);
  keep_all(cache, chain);
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(cache.stats().written_pages, 5) << "what is there is not written again";
}

TEST(DiskCache, FolderAndFilesBelongToTheirOwnerAlone) {
  const TemporaryFolder folder;
  fill(folder, chain_of(1, 2));
  struct stat status {};
  ASSERT_EQ(::stat(segments_in(folder).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700U);
  for (const auto& file : fs::directory_iterator(segments_in(folder))) {
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0077, 0U) << file.path();
  }
}

TEST(DiskCache, ADamagedPageIsAMissAndGoes) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 5);
  fill(folder, chain);
  flip_bit(segment_path(segments_in(folder), chain[2].key), 1000);
  fs::resize_file(segment_path(segments_in(folder), chain[4].key), 500);
  DiskCache cache(options_in(folder));
  EXPECT_EQ(right_pages(cache, chain), 2);
  EXPECT_EQ(look_up(cache, chain[3]), Found::kRight);
  EXPECT_EQ(look_up(cache, chain[4]), Found::kNothing);
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_FALSE(fs::exists(segment_path(segments_in(folder), chain[2].key)));
  EXPECT_FALSE(fs::exists(segment_path(segments_in(folder), chain[4].key)));
  EXPECT_EQ(cache.stats().damaged_pages, 2);
  EXPECT_EQ(cache.stats().bytes, 3 * segment_bytes(kTestPageBytes));
  keep_all(cache, chain);
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(right_pages(cache, chain), 5) << "and comes back with its next use";
}

TEST(DiskCache, WithoutMemoryToReadItAPageIsAMiss) {
  if (!levin::testing::kAllocationsCanFail) {
    GTEST_SKIP() << "no allocation can fail here";
  }
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 1);
  fill(folder, chain);
  DiskCache cache(options_in(folder));
  std::vector<std::byte> page(kTestPageBytes);
  int64_t misses = 0;
  for (int64_t allocation = 0; allocation < 20; ++allocation) {
    levin::testing::fail_allocation(allocation);
    EXPECT_NO_THROW(misses += cache.try_read(chain[0], page) ? 0 : 1);
    levin::testing::stop_failing_allocations();
  }
  EXPECT_GT(misses, 0);
  EXPECT_TRUE(cache.stats().is_on);
  EXPECT_EQ(right_pages(cache, chain), 1);
}

TEST(DiskCache, AFileThatSomebodyRemovedIsAMiss) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 3);
  fill(folder, chain);
  DiskCache cache(options_in(folder));
  fs::remove(segment_path(segments_in(folder), chain[1].key));
  EXPECT_EQ(right_pages(cache, chain), 1);
  EXPECT_TRUE(cache.stats().is_on);
}

TEST(DiskCache, TheIndexIsMadeAnewFromTheFiles) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 5);
  fill(folder, chain);
  const std::string index = segments_in(folder) + "/index.sqlite";
  ASSERT_TRUE(fs::remove(index));
  {
    DiskCache cache(options_in(folder));
    EXPECT_EQ(right_pages(cache, chain), 5);
  }
  std::ofstream(index, std::ios::trunc) << std::string(10000, 'x');
  {
    DiskCache cache(options_in(folder));
    EXPECT_EQ(right_pages(cache, chain), 5);
  }
  fs::resize_file(index, fs::file_size(index) / 2);
  DiskCache cache(options_in(folder));
  EXPECT_EQ(right_pages(cache, chain), 5);
  EXPECT_EQ(cache.stats().bytes, 5 * segment_bytes(kTestPageBytes));
}

TEST(DiskCache, UnusableFilesGoWhenTheFolderIsOpened) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 2);
  fill(folder, chain);
  fs::remove(segments_in(folder) + "/index.sqlite");
  flip_bit(segment_path(segments_in(folder), chain[1].key), 8);  // another version
  const std::string unfinished = segments_in(folder) + "/x.page.tmp";
  std::ofstream(unfinished) << "half";
  DiskCache cache(options_in(folder));
  EXPECT_EQ(cache.stats().pages, 1);
  EXPECT_FALSE(fs::exists(segment_path(segments_in(folder), chain[1].key)));
  EXPECT_FALSE(fs::exists(unfinished));
}

TEST(DiskCache, EvictionKeepsTheLimit) {
  const TemporaryFolder folder;
  const int64_t limit = 10 * segment_bytes(kTestPageBytes) + 100;
  DiskCache cache(options_in(folder, limit));
  for (uint64_t seed = 0; seed < 12; ++seed) {
    keep_all(cache, chain_of(seed, 4));
    ASSERT_TRUE(cache.flush(10s));
    EXPECT_LE(bytes_on_disk(folder), limit);
  }
  EXPECT_EQ(right_pages(cache, chain_of(11, 4)), 4);
  EXPECT_EQ(right_pages(cache, chain_of(10, 4)), 4);
  EXPECT_EQ(right_pages(cache, chain_of(9, 4)), 2) << "a chain goes from its end";
  EXPECT_EQ(right_pages(cache, chain_of(8, 4)), 0);
  EXPECT_EQ(cache.stats().evicted_pages, 12 * 4 - 10);
}

TEST(DiskCache, WhatIsUsedStays) {
  const TemporaryFolder folder;
  const auto used = chain_of(1, 4);
  DiskCache cache(options_in(folder, 8 * segment_bytes(kTestPageBytes)));
  keep_all(cache, used);
  for (uint64_t seed = 2; seed < 8; ++seed) {
    keep_all(cache, chain_of(seed, 4));
    keep_all(cache, used);
  }
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(right_pages(cache, used), 4);
  EXPECT_EQ(right_pages(cache, chain_of(2, 4)), 0);
}

TEST(DiskCache, APromptLargerThanTheLimitKeepsItsBeginning) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 20);
  DiskCache cache(options_in(folder, 5 * segment_bytes(kTestPageBytes)));
  keep_all(cache, chain);
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(right_pages(cache, chain), 5);
  EXPECT_EQ(cache.stats().dropped_pages, 15);
  EXPECT_EQ(cache.stats().evicted_pages, 0);
}

TEST(DiskCache, ALowerLimitHoldsFromTheStart) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 10);
  fill(folder, chain);
  const int64_t limit = 3 * segment_bytes(kTestPageBytes);
  DiskCache cache(options_in(folder, limit));
  EXPECT_LE(bytes_on_disk(folder), limit);
  EXPECT_EQ(right_pages(cache, chain), 3);
}

TEST(DiskCache, AFullQueueDropsPagesAndLeavesNoGap) {
  const TemporaryFolder folder;
  DiskCacheOptions options = options_in(folder);
  options.queue_bytes = 4 * kTestPageBytes;
  const auto chain = chain_of(1, 400);
  DiskCache cache(options);
  keep_all(cache, chain);
  ASSERT_TRUE(cache.flush(10s));
  const DiskCacheStats stats = cache.stats();
  EXPECT_GT(stats.dropped_pages, 0);
  EXPECT_EQ(stats.pages + stats.dropped_pages, 400);
  EXPECT_EQ(right_pages(cache, chain), stats.pages) << "all that is there can be reached";
}

TEST(DiskCache, ASecondProcessOnTheFolderDoesWithout) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 2);
  fill(folder, chain);
  DiskCache first(options_in(folder));
  EXPECT_TRUE(is_segment_folder_in_use(folder.path()));
  DiskCache second(options_in(folder));
  EXPECT_FALSE(second.stats().is_on);
  EXPECT_EQ(right_pages(second, chain), 0);
  keep_all(second, chain_of(2, 2));
  EXPECT_TRUE(second.flush(1s));
  EXPECT_EQ(right_pages(first, chain), 2);
}

TEST(DiskCache, AFolderThatCannotBeMadeTurnsItOff) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("file")) << "no folder";
  DiskCacheOptions options = options_in(folder);
  options.cache_dir = folder.file("file");
  DiskCache cache(options);
  EXPECT_FALSE(cache.stats().is_on);
  keep_all(cache, chain_of(1, 2));
  EXPECT_EQ(right_pages(cache, chain_of(1, 2)), 0);
}

TEST(DiskCache, ADiskThatRefusesTurnsItOffAndNothingElse) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 10);
  ::testing::internal::CaptureStderr();
  {
    DiskCache cache(options_in(folder));
    const FileSizeLimit limit(1000);
    keep_all(cache, chain);
    ASSERT_TRUE(cache.flush(10s));
    keep_all(cache, chain_of(2, 10));
    EXPECT_FALSE(cache.stats().is_on);
    EXPECT_EQ(right_pages(cache, chain), 0);
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  EXPECT_THAT(log, ::testing::HasSubstr("the cache on disk is off"));
  EXPECT_EQ(bytes_on_disk(folder), 0);
  fill(folder, chain);
  DiskCache cache(options_in(folder));
  EXPECT_EQ(right_pages(cache, chain), 10) << "the next start tries again";
}

TEST(DiskCache, WhoIsInAHurryDoesNotWaitForTheDisk) {
  const TemporaryFolder folder;
  const auto chain = chain_of(1, 300);
  {
    DiskCache cache(options_in(folder));
    keep_all(cache, chain);
    cache.set_flush_limit(0ms);
  }
  DiskCache cache(options_in(folder));
  EXPECT_GE(right_pages(cache, chain), 0) << "what was written is right";
}

}  // namespace
}  // namespace levin::runtime
