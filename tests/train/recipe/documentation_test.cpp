// docs/training.md has the table of keys that the program works by.

#include <gtest/gtest.h>

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
  for (const char* recipe : {"tiny/tiny", "mini/dense", "mini/sparse", "mini/control"}) {
    EXPECT_NO_THROW((void)load_recipe(kRoot + "/recipes/" + recipe + ".toml")) << recipe;
  }
}

}  // namespace
}  // namespace levin::train::recipe
