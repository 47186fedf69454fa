#include "train/data/demo_set.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "small_data.h"

namespace levin::train::data {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

DemoSet make(const DemoSpec& spec) {
  return make_demo_set(test::small_tokenizer(), test::small_data().held_out,
                       {"quartz", "saddle", "lantern"}, spec);
}

TEST(DemoSet, AsksAboutEveryFactOfTheDocumentOnce) {
  const DemoSet demo = make({.length = 1500, .questions = 20});
  std::set<std::string> asked;
  for (const json& entry : json::parse(demo.questions)) {
    asked.insert(entry.at("question").get<std::string>());
    EXPECT_THAT(demo.document, HasSubstr(entry.at("answer").get<std::string>()));
  }
  EXPECT_EQ(asked.size(), 20U);
}

TEST(DemoSet, IsTheSameAtEveryCallAndAnotherForEverySeed) {
  const DemoSpec spec{.length = 700, .questions = 4};
  EXPECT_EQ(make(spec).document, make(spec).document);
  EXPECT_EQ(make(spec).questions, make(spec).questions);
  EXPECT_NE(make(spec).questions, make({.length = 700, .questions = 4, .seed = 2}).questions);
}

TEST(DemoSet, RefusesMoreFactsThanFit) {
  try {
    (void)make({.length = 300, .questions = 20});
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.where(), "length");
    EXPECT_THAT(error.what(), HasSubstr("20 are wanted"));
  }
}

}  // namespace
}  // namespace levin::train::data
