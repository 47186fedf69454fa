#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "base/error.h"

namespace levin::base {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "levin_files_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

  fs::path folder_;
};

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

template <typename Action>
void expect_error(Action action, ErrorCode code, const std::string& part) {
  try {
    action();
    FAIL() << "an error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(part));
  }
}

TEST_F(Files, AMappedFileShowsItsBytes) {
  const MappedFile file(write("a", std::string("one\0two", 7)));
  EXPECT_EQ(text_of(file), std::string_view("one\0two", 7));
  EXPECT_EQ(file.path(), path("a"));
}

TEST_F(Files, AnEmptyFileMapsToNothing) {
  EXPECT_TRUE(MappedFile(write("empty", "")).bytes().empty());
  EXPECT_TRUE(MappedFile().bytes().empty());
}

TEST_F(Files, MovingHandsTheMappingOver) {
  MappedFile first(write("a", "first"));
  MappedFile second(write("b", "second"));
  second = std::move(first);
  EXPECT_EQ(text_of(second), "first");
  const MappedFile third(std::move(second));
  EXPECT_EQ(text_of(third), "first");
}

TEST_F(Files, AMappingOutlivesTheName) {
  const MappedFile file(write("a", "still here"));
  fs::remove(path("a"));
  EXPECT_EQ(text_of(file), "still here");
}

TEST_F(Files, ErrorsNameThePath) {
  expect_error([&] { MappedFile file(path("missing")); }, ErrorCode::kNotFound, path("missing"));
  expect_error([&] { MappedFile file(folder_.string()); }, ErrorCode::kIo, "is a folder");
  expect_error([&] { (void)read_file(path("missing"), 10); }, ErrorCode::kNotFound,
               path("missing"));
  expect_error([&] { (void)read_file(folder_.string(), 10); }, ErrorCode::kIo, "is a folder");
}

TEST_F(Files, ReadFileRefusesMoreThanAllowed) {
  EXPECT_EQ(read_file(write("a", "12345"), 5), "12345");
  expect_error([&] { (void)read_file(path("a"), 4); }, ErrorCode::kInvalidFile,
               "larger than the 4 bytes");
}

TEST_F(Files, AtomicWritesReplaceTheWholeContent) {
  write_file_atomically(path("out"), "first, a long text");
  EXPECT_EQ(read_file(path("out"), 100), "first, a long text");
  write_file_atomically(path("out"), "second");
  EXPECT_EQ(read_file(path("out"), 100), "second");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1)
      << "no temporary file is left";
}

TEST_F(Files, AnAtomicWriteReplacesNoDevice) {
  expect_error([&] { write_file_atomically("/dev/full", "x"); }, ErrorCode::kIo,
               "is not a regular file");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(Files, AFailedAtomicWriteLeavesNothing) {
  expect_error([&] { write_file_atomically(path("no/such/folder"), "x"); }, ErrorCode::kNotFound,
               path("no/such/folder"));
  fs::create_directory(path("taken"));
  expect_error([&] { write_file_atomically(path("taken"), "x"); }, ErrorCode::kIo, path("taken"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}), 1);
}

using FilesDeathTest = Files;

TEST_F(FilesDeathTest, AFileThatShrinksEndsTheProgramWithASentence) {
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
