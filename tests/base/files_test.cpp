#include "base/files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/expect_error.h"
#include "base/files_fixture.h"

namespace levin::base {
namespace {

namespace fs = std::filesystem;
using levin::testing::expect_error;
using Files = levin::testing::FilesTest;

TEST_F(Files, ErrorsNameThePath) {
  expect_error([&] { (void)read_file(path("missing"), 10); }, ErrorCode::kNotFound,
               path("missing"));
  expect_error([&] { (void)read_file(folder_.string(), 10); }, ErrorCode::kIo, "is a folder");
}

TEST_F(Files, ExistOrNotOrTheSystemDoesNotSay) {
  EXPECT_TRUE(exists(write("a", "x")));
  EXPECT_FALSE(is_folder(path("a")));
  EXPECT_TRUE(is_folder(folder_.string()));
  EXPECT_FALSE(exists(path("missing")));
  EXPECT_FALSE(exists(path("a/inside")));
  fs::create_symlink(path("loop"), path("loop"));
  expect_error([&] { (void)exists(path("loop")); }, ErrorCode::kIo,
               path("loop") + ": cannot open: Too many levels of symbolic links");
  expect_error([&] { (void)is_folder(path("loop")); }, ErrorCode::kIo, "Too many levels");
}

TEST_F(Files, ErrorsOfTheStandardLibraryKeepPathsAndCode) {
  const auto error_of = [](auto&& work) {
    try {
      work();
    } catch (const fs::filesystem_error& error) {
      return to_error(error);
    }
    return Error(ErrorCode::kInternal, "nothing was thrown");
  };
  const Error missing = error_of([&] { (void)fs::file_size(path("missing")); });
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.what(), path("missing") + ": No such file or directory");
  const Error renamed = error_of([&] { fs::rename(write("a", "x"), path("no/b")); });
  EXPECT_EQ(renamed.what(), path("a") + " -> " + path("no/b") + ": No such file or directory");
  fs::create_symlink(path("loop"), path("loop"));
  EXPECT_EQ(error_of([&] { (void)fs::file_size(path("loop")); }).code(), ErrorCode::kIo);
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

TEST(FolderNames, LoseTheSlashesAtTheirEnd) {
  EXPECT_EQ(without_final_slashes("a/b"), "a/b");
  EXPECT_EQ(without_final_slashes("a/b//"), "a/b");
  EXPECT_EQ(without_final_slashes("/"), "/");
  EXPECT_EQ(without_final_slashes(""), "");
}

}  // namespace
}  // namespace levin::base
