// docs/training.md has the table of keys that the program works by.

#include <gtest/gtest.h>

#include <sstream>

#include "base/files.h"
#include "train/recipe/keys.h"
#include "train/recipe/parse.h"

namespace levin::train::recipe {
namespace {

const std::string kRoot = LEVIN_SOURCE_DIR;

TEST(RecipeDocumentation, HoldsTheTableOfKeys) {
  const std::string text = base::read_file(kRoot + "/docs/training.md", 1 << 20);
  const std::string begin = "<!-- keys -->\n";
  const size_t from = text.find(begin);
  const size_t to = text.find("<!-- /keys -->");
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  EXPECT_EQ(text.substr(from + begin.size(), to - from - begin.size()), keys_markdown())
      << "put the output of keys_markdown() between the two comments of docs/training.md";
}

TEST(RecipeDocumentation, EveryShippedRecipeIsSound) {
  for (const char* recipe : {"tiny/tiny", "mini/dense", "mini/more_facts", "mini/all_lengths",
                             "mini/sparse", "mini/control"}) {
    EXPECT_NO_THROW((void)load_recipe(kRoot + "/recipes/" + recipe + ".toml")) << recipe;
  }
}

/// The settings of a recipe's last stage that a dense one has, too.
std::string last_stage(const std::string& recipe) {
  const std::string text = recipe_text(load_recipe(kRoot + "/recipes/" + recipe + ".toml"));
  std::istringstream lines(text.substr(text.rfind("[[stage]]")));
  std::string settings;
  for (std::string line; std::getline(lines, line);) {
    const bool is_of_kind = line.starts_with("kind = ") || line.starts_with("indexer_lr = ");
    settings += is_of_kind ? "" : line + "\n";
  }
  return settings;
}

int64_t tokens_of(const std::string& name) {
  const Recipe recipe = load_recipe(kRoot + "/recipes/" + name + ".toml");
  int64_t tokens = 0;
  for (const StageSettings& stage : recipe.stages) {
    tokens += stage.max_steps * stage.tokens_per_step;
  }
  return tokens;
}

TEST(RecipeDocumentation, TheControlOfMiniLearnsAtTheRatesAndFromTheDocumentsOfMini) {
  EXPECT_EQ(last_stage("mini/sparse"), last_stage("mini/control"));
}

TEST(RecipeDocumentation, TheControlOfMiniTakesAsManyTokensAsMini) {
  EXPECT_EQ(tokens_of("mini/sparse"), tokens_of("mini/control"));
}

}  // namespace
}  // namespace levin::train::recipe
