#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/expect_error.h"
#include "base/files_fixture.h"

namespace levin::base {
namespace {

namespace fs = std::filesystem;
using levin::testing::expect_error;
using MappedFiles = levin::testing::FilesTest;

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappedFiles, AMappedFileShowsItsBytes) {
  const MappedFile file(write("a", std::string("one\0two", 7)));
  EXPECT_EQ(text_of(file), std::string_view("one\0two", 7));
  EXPECT_EQ(file.path(), path("a"));
}

TEST_F(MappedFiles, AnEmptyFileMapsToNothing) {
  EXPECT_TRUE(MappedFile(write("empty", "")).bytes().empty());
  EXPECT_TRUE(MappedFile().bytes().empty());
}

TEST_F(MappedFiles, MovingHandsTheMappingOver) {
  MappedFile first(write("a", "first"));
  MappedFile second(write("b", "second"));
  second = std::move(first);
  EXPECT_EQ(text_of(second), "first");
  const MappedFile third(std::move(second));
  EXPECT_EQ(text_of(third), "first");
}

TEST_F(MappedFiles, AMappingOutlivesTheName) {
  const MappedFile file(write("a", "still here"));
  fs::remove(path("a"));
  EXPECT_EQ(text_of(file), "still here");
}

TEST_F(MappedFiles, ErrorsNameThePath) {
  expect_error([&] { MappedFile file(path("missing")); }, ErrorCode::kNotFound, path("missing"));
  expect_error([&] { MappedFile file(folder_.string()); }, ErrorCode::kIo, "is a folder");
}

using MappedFilesDeathTest = MappedFiles;

TEST_F(MappedFilesDeathTest, AFileThatShrinksEndsTheProgramWithASentence) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string name = write("a", std::string(1 << 16, 'x'));
  EXPECT_EXIT(
      {
        install_truncation_handler(7);
        const MappedFile file(name);
        fs::resize_file(name, 0);
        std::_Exit(static_cast<int>(file.bytes()[1 << 15]));
      },
      ::testing::ExitedWithCode(7), "a mapped file became shorter");
}

}  // namespace
}  // namespace levin::base
