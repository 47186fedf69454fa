#include "base/unfinished_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "formats/temporary_folder.h"

namespace levin::base {
namespace {

using std::filesystem::exists;

std::string make_file(const testing::TemporaryFolder& folder, const std::string& name) {
  std::string path = folder.file(name);
  std::ofstream(path) << "half";
  return path;
}

TEST(UnfinishedFile, IsRemovedUnlessKept) {
  const testing::TemporaryFolder folder;
  {
    const UnfinishedFile dropped(make_file(folder, "dropped"));
    UnfinishedFile kept(make_file(folder, "kept"));
    kept.keep();
    const UnfinishedFile never_made(folder.file("never made"));
  }
  EXPECT_FALSE(exists(folder.file("dropped")));
  EXPECT_TRUE(exists(folder.file("kept")));
}

TEST(UnfinishedFile, TemporaryNamesAreKnownAgain) {
  EXPECT_TRUE(is_temporary_name(temporary_name("recipe.toml"), "recipe.toml"));
  EXPECT_TRUE(is_temporary_name("recipe.toml.tmp.4242", "recipe.toml"));
  for (const char* name : {"recipe.toml", "recipe.toml.tmp", "other.tmp.4242", "recipe"}) {
    EXPECT_FALSE(is_temporary_name(name, "recipe.toml")) << name;
  }
}

TEST(UnfinishedFile, BelongsToWhoItWasMovedTo) {
  const testing::TemporaryFolder folder;
  UnfinishedFile first(make_file(folder, "file"));
  {
    const UnfinishedFile second(std::move(first));
    EXPECT_EQ(second.path(), folder.file("file"));
  }
  EXPECT_FALSE(exists(folder.file("file")));
}

TEST(UnfinishedFile, ProgramThatEndsAtOnceRemovesThoseThatLive) {
  const testing::TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const UnfinishedFile first(make_file(folder, "first"));
    { const UnfinishedFile gone(folder.file("gone")); }
    const UnfinishedFile second(make_file(folder, "second"));
    UnfinishedFile kept(make_file(folder, "kept"));
    kept.keep();
    remove_unfinished_files();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(exists(folder.file("first")));
  EXPECT_FALSE(exists(folder.file("second")));
  EXPECT_TRUE(exists(folder.file("kept")));
}

}  // namespace
}  // namespace levin::base
