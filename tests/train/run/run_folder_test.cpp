#include "train/run/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "train/run/version.h"

namespace levin::train::run {
namespace {

using levin::testing::TemporaryFolder;
using ::testing::HasSubstr;

constexpr const char* kRecipe = "[run]\nseed = 1\n";
constexpr const char* kOther = "[run]\nseed = 2\n";

std::string complaint(const std::string& path, const std::string& recipe, StartMode mode) {
  try {
    const RunFolder folder(path, recipe, mode);
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(RunFolder, BelongsToItsRecipeOnceARunHasBegun) {
  const TemporaryFolder place;
  const std::string path = place.file("run");
  EXPECT_EQ(complaint(path, kRecipe, StartMode::kFresh), "");
  EXPECT_EQ(complaint(path, kOther, StartMode::kFresh), "") << "nothing was trained yet";
  std::ofstream(metrics_path(path)) << "\n";
  EXPECT_THAT(complaint(path, kRecipe, StartMode::kResume), HasSubstr("(run.seed: 2 != 1)"));
  EXPECT_THAT(complaint(path, kOther, StartMode::kFresh), HasSubstr("add --resume"));
  EXPECT_EQ(complaint(path, kOther, StartMode::kResume), "");
  EXPECT_EQ(stored_recipe_text(path), std::string("# of levin-train ") + version() + "\n" + kOther);
}

TEST(RunFolder, LeavesOtherFoldersAlone) {
  const TemporaryFolder place;
  std::ofstream(place.file("photo.jpg")) << "x";
  EXPECT_THAT(complaint(place.path(), kRecipe, StartMode::kFresh), HasSubstr("is no run"));
  EXPECT_THAT(complaint(place.file("photo.jpg"), kRecipe, StartMode::kFresh),
              HasSubstr("cannot make this folder"));
  EXPECT_THROW((void)stored_recipe_text(place.path()), base::Error);
}

TEST(RunFolder, IsOpenInOneProcessAtATime) {
  const TemporaryFolder place;
  const RunFolder open(place.file("run"), kRecipe, StartMode::kFresh);
  EXPECT_THAT(complaint(place.file("run"), kRecipe, StartMode::kResume),
              HasSubstr("another process trains in this folder"));
}

}  // namespace
}  // namespace levin::train::run
