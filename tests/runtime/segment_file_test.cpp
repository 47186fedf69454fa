// A page as a file: whatever is wrong with it makes it a page that is not there.
#include "runtime/segment_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/error.h"
#include "disk_pages.h"

namespace levin::runtime {
namespace {

using testing::bytes_of;
using testing::chain_of;
using testing::flip_bit;
using testing::kTestPageBytes;
using testing::TemporaryFolder;

class SegmentFile : public ::testing::Test {
 protected:
  void SetUp() override { write_segment(folder_.path(), record_, bytes_of(record_)); }

  SegmentOutcome read(const PageRecord& wanted) {
    return read_segment(folder_.path(), wanted, page_);
  }
  [[nodiscard]] std::string path() const { return segment_path(folder_.path(), record_.key); }

  TemporaryFolder folder_;
  PageRecord record_ = chain_of(1, 2)[1];
  std::vector<std::byte> page_ = std::vector<std::byte>(kTestPageBytes);
};

TEST_F(SegmentFile, GivesBackWhatWasWritten) {
  EXPECT_EQ(read(record_), SegmentOutcome::kRead);
  EXPECT_EQ(page_, bytes_of(record_));
  const auto info = read_segment_info(folder_.path(), record_.key);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->record.key, record_.key);
  EXPECT_EQ(info->record.previous, record_.previous);
  EXPECT_EQ(info->record.owner, record_.owner);
  EXPECT_EQ(info->record.depth, 1);
  EXPECT_EQ(info->record.ids, record_.ids);
  EXPECT_EQ(info->bytes, segment_bytes(kTestPageBytes));
  EXPECT_EQ(std::filesystem::file_size(path()), segment_bytes(kTestPageBytes));
}

TEST_F(SegmentFile, IsReadableByItsOwnerAlone) {
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(SegmentFile, AnyFlippedBitIsDamage) {
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path()));
  for (int64_t offset = 0; offset < size; offset += offset < 400 ? 1 : 37) {
    const int bit = static_cast<int>(offset % 8);
    flip_bit(path(), offset, bit);
    EXPECT_EQ(read(record_), SegmentOutcome::kDamaged) << "byte " << offset;
    flip_bit(path(), offset, bit);
  }
  EXPECT_EQ(read(record_), SegmentOutcome::kRead) << "every bit is back";
}

TEST_F(SegmentFile, AnyOtherLengthIsDamage) {
  const auto size = std::filesystem::file_size(path());
  for (const uintmax_t length :
       {size + 1, size - 1, size / 2, uintmax_t{368}, uintmax_t{367}, uintmax_t{8}, uintmax_t{0}}) {
    std::filesystem::resize_file(path(), length);
    EXPECT_EQ(read(record_), SegmentOutcome::kDamaged) << length;
    EXPECT_FALSE(read_segment_info(folder_.path(), record_.key).has_value()) << length;
  }
}

TEST_F(SegmentFile, OtherIdsUnderTheSameKeyAreNotServed) {
  PageRecord other = record_;
  other.ids[63] += 1;
  EXPECT_EQ(read(other), SegmentOutcome::kDamaged);
  other = record_;
  other.previous = other.key;
  EXPECT_EQ(read(other), SegmentOutcome::kDamaged);
}

TEST_F(SegmentFile, AFileUnderAnotherNameIsNotServed) {
  const PageRecord other = chain_of(2, 1)[0];
  std::filesystem::rename(path(), segment_path(folder_.path(), other.key));
  EXPECT_EQ(read(record_), SegmentOutcome::kMissing);
  EXPECT_EQ(read(other), SegmentOutcome::kDamaged);
  EXPECT_FALSE(read_segment_info(folder_.path(), other.key).has_value());
}

TEST_F(SegmentFile, APageOfAnotherSizeIsNotServed) {
  page_.resize(kTestPageBytes - 64);
  EXPECT_EQ(read(record_), SegmentOutcome::kDamaged);
}

TEST_F(SegmentFile, AFileOfAnotherVersionIsNotServed) {
  flip_bit(path(), 8);  // the version follows the magic
  EXPECT_FALSE(read_segment_info(folder_.path(), record_.key).has_value());
}

TEST_F(SegmentFile, WhatCannotBeWrittenLeavesNothing) {
  EXPECT_THROW(write_segment(folder_.file("nowhere"), record_, page_), base::Error);
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  EXPECT_THROW(write_segment(folder_.path(), record_, page_), base::Error);
  EXPECT_FALSE(std::filesystem::exists(path() + std::string(kUnfinishedEnding)));
}

}  // namespace
}  // namespace levin::runtime
