// Looking into a cache folder from outside, and emptying it.
#include "runtime/segment_survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "disk_pages.h"
#include "engine_helpers.h"

namespace levin::runtime {
namespace {

using namespace std::chrono_literals;
using testing::chain_of;
using testing::expect_error;
using testing::keep_all;
using testing::kTestPageBytes;
using testing::options_in;
using testing::right_pages;
using testing::TemporaryFolder;

/// The chains of two owners, written and closed.
void fill(const TemporaryFolder& folder) {
  DiskCache cache(options_in(folder));
  keep_all(cache, chain_of(1, 5));
  keep_all(cache, chain_of(2, 3));
}

int64_t pages_of(const std::vector<IndexedSegment>& segments, uint64_t owner) {
  return std::ranges::count(segments, owner, &IndexedSegment::owner);
}

TEST(SegmentSurvey, TellsWhoseTheSegmentsAreHowLargeAndWhenUsed) {
  const TemporaryFolder folder;
  fill(folder);
  const auto segments = survey_segments(folder.path());
  EXPECT_EQ(segments.size(), 8U);
  EXPECT_EQ(pages_of(segments, owner_tag(1)), 5);
  EXPECT_EQ(pages_of(segments, owner_tag(2)), 3);
  for (const IndexedSegment& segment : segments) {
    EXPECT_EQ(segment.bytes, segment_bytes(kTestPageBytes));
    EXPECT_GT(segment.used_us, 0);
  }
}

TEST(SegmentSurvey, WorksBesideTheProcessThatUsesTheFolder) {
  const TemporaryFolder folder;
  DiskCache cache(options_in(folder));
  keep_all(cache, chain_of(1, 5));
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(survey_segments(folder.path()).size(), 5U);
  keep_all(cache, chain_of(2, 3));
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(survey_segments(folder.path()).size(), 8U);
  EXPECT_EQ(right_pages(cache, chain_of(1, 5)), 5);
  EXPECT_TRUE(cache.stats().is_on);
}

TEST(SegmentSurvey, KnowsFilesThatTheIndexDoesNotKnow) {
  const TemporaryFolder folder;
  fill(folder);
  std::ofstream(segment_folder_path(folder.path()) + "/index.sqlite") << "no database";
  const auto segments = survey_segments(folder.path());
  EXPECT_EQ(pages_of(segments, owner_tag(1)), 5);
  EXPECT_EQ(pages_of(segments, owner_tag(2)), 3);
  EXPECT_EQ(segments.at(0).used_us, 0) << "nobody knows";
}

TEST(SegmentSurvey, CountsNoFileThatIsGoneOrUnusable) {
  const TemporaryFolder folder;
  fill(folder);
  const std::string segments = segment_folder_path(folder.path());
  remove_segment(segments, chain_of(1, 5).back().key);
  std::ofstream(segment_path(segments, sha256("some key"))) << "no page";
  EXPECT_EQ(survey_segments(folder.path()).size(), 7U);
}

TEST(SegmentPurge, RemovesThePagesOfOneOwnerAlone) {
  const TemporaryFolder folder;
  fill(folder);
  const PurgedSegments purged = purge_segments(folder.path(), owner_tag(1));
  EXPECT_EQ(purged.pages, 5);
  EXPECT_EQ(purged.bytes, 5 * segment_bytes(kTestPageBytes));
  EXPECT_EQ(testing::bytes_on_disk(folder), 3 * segment_bytes(kTestPageBytes));
  DiskCache cache(options_in(folder));
  EXPECT_EQ(right_pages(cache, chain_of(1, 5)), 0);
  EXPECT_EQ(right_pages(cache, chain_of(2, 3)), 3);
  EXPECT_EQ(cache.stats().bytes, 3 * segment_bytes(kTestPageBytes));
  EXPECT_EQ(cache.stats().damaged_pages, 0);
}

TEST(SegmentPurge, RemovesEverythingAndIsFineWithNothing) {
  const TemporaryFolder folder;
  fill(folder);
  EXPECT_EQ(purge_segments(folder.path(), std::nullopt).pages, 8);
  EXPECT_EQ(testing::bytes_on_disk(folder), 0);
  EXPECT_EQ(purge_segments(folder.path(), std::nullopt).pages, 0);
  DiskCache cache(options_in(folder));
  keep_all(cache, chain_of(1, 5));
  ASSERT_TRUE(cache.flush(10s));
  EXPECT_EQ(right_pages(cache, chain_of(1, 5)), 5) << "the folder can be used again";
}

TEST(SegmentPurge, IsRefusedWhileAProcessUsesTheFolder) {
  const TemporaryFolder folder;
  DiskCache cache(options_in(folder));
  keep_all(cache, chain_of(1, 5));
  ASSERT_TRUE(cache.flush(10s));
  expect_error([&] { (void)purge_segments(folder.path(), std::nullopt); }, base::ErrorCode::kIo,
               "a running levin uses this cache folder");
  EXPECT_EQ(right_pages(cache, chain_of(1, 5)), 5);
}

TEST(SegmentPurge, AFolderWithoutACacheIsNotFoundAndStaysAsItIs) {
  const TemporaryFolder folder;
  expect_error([&] { (void)survey_segments(folder.path()); }, base::ErrorCode::kNotFound,
               "there is no prefix cache in this folder");
  expect_error([&] { (void)purge_segments(folder.path(), std::nullopt); },
               base::ErrorCode::kNotFound, "there is no prefix cache in this folder");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace levin::runtime
