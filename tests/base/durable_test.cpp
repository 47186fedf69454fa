// Folders and files that are to outlive a power failure.
#include "base/durable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace levin::base {
namespace {

namespace fs = std::filesystem;
using levin::testing::TemporaryFolder;
using ::testing::HasSubstr;

std::string message_of_make_folder(const std::string& path) {
  try {
    make_folder(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Durable, AFolderIsMadeWithThoseAboveIt) {
  const TemporaryFolder folder;
  make_folder(folder.file("a/b/c"));
  EXPECT_TRUE(fs::is_directory(folder.file("a/b/c")));
  make_folder(folder.file("a/b"));
  EXPECT_TRUE(fs::is_directory(folder.file("a/b/c"))) << "an existing folder stays as it is";
}

TEST(Durable, AFileInTheWayIsNamed) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("a")) << "x";
  EXPECT_THAT(message_of_make_folder(folder.file("a/b")), HasSubstr("cannot make this folder"));
}

TEST(Durable, WhatIsNotThereCannotBeFlushed) {
  const TemporaryFolder folder;
  EXPECT_THROW(sync_path(folder.file("missing")), Error);
  EXPECT_NO_THROW(sync_folder(folder.path()));
  EXPECT_NO_THROW(sync_entry_of(folder.file("missing/file")));
}

}  // namespace
}  // namespace levin::base
