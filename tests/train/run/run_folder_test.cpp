#include "train/run/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "formats/temporary_folder.h"
#include "train/recipe/parse.h"
#include "train/run/checkpoint_store.h"
#include "train/run/version.h"

namespace levin::train::run {
namespace {

using levin::testing::TemporaryFolder;
using ::testing::HasSubstr;

constexpr const char* kRecipeSource = R"([model]
parent = "m"
[data]
folder = "d"
[[stage]]
name = "S"
row_tokens = 64
tokens_per_step = 64
max_steps = 1
)";

std::string recipe_with(const std::string& override_text) {
  return recipe::recipe_text(recipe::parse_recipe(kRecipeSource, "r.toml", {override_text}));
}

const std::string kRecipe = recipe_with("run.seed=1");
const std::string kOther = recipe_with("run.seed=2");

std::string complaint(const std::string& path, const std::string& recipe, StartMode mode) {
  try {
    const RunFolder folder(path, recipe, mode);
    folder.claim();
    return "";
  } catch (const base::Error& error) {
    return error.what();
  }
}

TEST(RunFolder, BelongsToItsRecipeOnceARunHasBegun) {
  const TemporaryFolder place;
  const std::string path = place.file("run");
  {
    const RunFolder refused(path, kRecipe, StartMode::kFresh);  // before its claim
  }
  EXPECT_EQ(complaint(path, kOther, StartMode::kFresh), "");
  EXPECT_EQ(complaint(path, kOther, StartMode::kFresh), "") << "killed before its first step";
  EXPECT_THAT(complaint(path, kRecipe, StartMode::kFresh), HasSubstr("(run.seed: 2 != 1)"));
  std::ofstream(metrics_path(path)) << "\n";
  EXPECT_THAT(complaint(path, kRecipe, StartMode::kResume), HasSubstr("(run.seed: 2 != 1)"));
  EXPECT_THAT(complaint(path, kOther, StartMode::kFresh), HasSubstr("add --resume"));
  EXPECT_EQ(complaint(path, kOther, StartMode::kResume), "");
  EXPECT_EQ(stored_recipe_text(path), std::string("# of levin-train ") + version() + "\n" + kOther);
}

TEST(RunFolder, GoesOnWhereAKillLeftAnUnfinishedClaim) {
  const TemporaryFolder place;
  const std::string path = place.file("run");
  std::filesystem::create_directory(path);
  const std::string unfinished = path + "/recipe.toml.tmp.4242";
  std::ofstream(unfinished) << "[run]\nse";
  EXPECT_EQ(complaint(path, kRecipe, StartMode::kResume), "");
  EXPECT_TRUE(is_claimed(path));
  EXPECT_FALSE(std::filesystem::exists(unfinished));

  const TemporaryFolder other;
  std::ofstream(other.file("recipe.toml.tmp")) << "somebody's";
  EXPECT_THAT(complaint(other.path(), kRecipe, StartMode::kResume), HasSubstr("no run"));
}

/// Replaces `line` in the recipe of a run folder.
void rewrite(const std::string& run, const std::string& line, const std::string& replacement) {
  std::string text = stored_recipe_text(run);
  const size_t at = text.find(line);
  ASSERT_NE(at, std::string::npos) << line;
  std::ofstream(run + "/recipe.toml") << text.replace(at, line.size(), replacement);
}

TEST(RunFolder, GoesOnWithTheRecipeOfAVersionThatLackedAKey) {
  const TemporaryFolder place;
  const std::string path = place.file("run");
  EXPECT_EQ(complaint(path, kRecipe, StartMode::kFresh), "");
  std::ofstream(metrics_path(path)) << "\n";
  rewrite(path, "keep_best = true\n", "");
  EXPECT_EQ(complaint(path, kRecipe, StartMode::kResume), "");
  EXPECT_THAT(complaint(path, recipe_with("run.keep_best=false"), StartMode::kResume),
              HasSubstr("(run.keep_best: true != false)"));
}

TEST(RunFolder, SaysThatARecipeCannotBeRead) {
  const TemporaryFolder place;
  const std::string path = place.file("run");
  EXPECT_EQ(complaint(path, kRecipe, StartMode::kFresh), "");
  std::ofstream(metrics_path(path)) << "\n";
  rewrite(path, "keep_best = true\n", "keep_worst = true\n");
  const std::string message = complaint(path, kRecipe, StartMode::kResume);
  EXPECT_THAT(message, HasSubstr(path + ": this version of levin-train cannot read the recipe"));
  EXPECT_THAT(message, HasSubstr("recipe.toml:6: [run] has no key \"keep_worst\""));
}

TEST(RunFolder, SaysHowToGoOnWithAnotherRecipe) {
  const TemporaryFolder place;
  const std::string path = place.file("run");
  EXPECT_FALSE(is_claimed(path));
  EXPECT_EQ(complaint(path, kRecipe, StartMode::kFresh), "");
  EXPECT_TRUE(is_claimed(path));
  EXPECT_EQ(way_to_another_recipe(path), "and choose another --out") << "no checkpoint yet";
  CheckpointStore store(checkpoints_path(path));
  for (const int64_t step : {3, 6}) {
    TrainingState state;
    state.step = step;
    store.save(state, {}, [](const std::string&) {});
  }
  EXPECT_EQ(way_to_another_recipe(path),
            "in a recipe of what is left of the stages, with [model] parent = \"" + path +
                "/checkpoints/step-00000006\" (the newest checkpoint, which is intact) and another "
                "--out");
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
