#include "train/data/eval_set.h"

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "small_data.h"
#include "train/data/lexicon.h"

namespace levin::train::data {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const Corpus& held_out() {
  static const Corpus corpus =
      split_corpus(test::small_corpus(), "persuasion", "king_james_bible").held_out;
  return corpus;
}

const std::vector<std::string>& held_out_words() {
  static const std::vector<std::string> words = {"quartz", "saddle", "lantern"};
  return words;
}

std::vector<json> lines_of(const EvalSpec& spec) {
  std::istringstream lines(
      make_eval_set(test::small_tokenizer(), held_out(), held_out_words(), spec));
  std::vector<json> documents;
  for (std::string line; std::getline(lines, line);) {
    documents.push_back(json::parse(line));
  }
  return documents;
}

TEST(EvalSet, QuestionsCanBeAnsweredFromTheDocument) {
  for (const json& document : lines_of({.lengths = {400, 1000}, .hops = {1, 2}})) {
    EXPECT_EQ(document["schema"], "levin-lookup/1");
    const auto text = document["document"].get<std::string>();
    for (const json& question : document["questions"]) {
      const auto fact = question["fact"].get<std::string>();
      EXPECT_THAT(text, HasSubstr(fact));
      EXPECT_THAT(fact, HasSubstr(" is " + question["answer"].get<std::string>() + "."));
      EXPECT_THAT(question["response"].get<std::string>(), HasSubstr(fact));
      if (document["hops"] == 2) {
        EXPECT_THAT(text, HasSubstr(question["relation"].get<std::string>()));
        EXPECT_THAT(question["response"].get<std::string>(),
                    StartsWith(question["relation"].get<std::string>()));
      }
    }
  }
}

TEST(EvalSet, PromptsFillTheLengthAndDepthsAreSpread) {
  std::map<int64_t, int> bins;
  int questions = 0;
  for (const json& document : lines_of({.lengths = {1500}, .questions = 200})) {
    for (const json& question : document["questions"]) {
      EXPECT_LE(question["prompt_tokens"], 1500 - kAnswerTokens);
      EXPECT_GE(question["prompt_tokens"], 1500 - kAnswerTokens - 100);
      ++bins[static_cast<int64_t>(question["depth"].get<double>() * 5)];
      ++questions;
    }
  }
  EXPECT_EQ(questions, 200);
  EXPECT_EQ(bins.size(), 5U);
  for (const auto& [bin, count] : bins) {
    EXPECT_NEAR(count, 40, 15) << bin;
  }
}

TEST(EvalSet, PromptTokensAreThoseOfLevinAsk) {
  const json document = lines_of({.lengths = {500}, .questions = 1}).front();
  const json& question = document["questions"][0];
  const std::string text =
      document["document"].get<std::string>() + "\n\n" + question["question"].get<std::string>();
  EXPECT_EQ(test::small_tokenizer().encode(text).ids.size() + 4, question["prompt_tokens"]);
}

TEST(EvalSet, NamesAndValuesAreHeldOut) {
  for (const json& document : lines_of({.lengths = {600}})) {
    for (const json& question : document["questions"]) {
      const auto answer = question["answer"].get<std::string>();
      const auto& words = held_out_words();
      EXPECT_TRUE(is_held_out(answer) ||
                  std::find(words.begin(), words.end(), answer) != words.end())
          << answer;
    }
  }
}

TEST(EvalSet, IsTheSameAtEveryCallAndAnotherForEverySeed) {
  const auto make = [](uint64_t seed) {
    return make_eval_set(test::small_tokenizer(), held_out(), held_out_words(),
                         {.lengths = {300}, .seed = seed});
  };
  EXPECT_EQ(make(1), make(1));
  EXPECT_NE(make(1), make(2));
}

TEST(EvalSet, WordingsHaveNames) {
  for (const char* name : {"first", "second", "carrier", "new_question", "new_attribute"}) {
    EXPECT_EQ(eval_wording_name(eval_wording_from_name(name)), name);
  }
  EXPECT_THROW((void)eval_wording_from_name("third"), base::Error);
}

void expect_refused(const EvalSpec& spec, const std::string& key) {
  try {
    (void)lines_of(spec);
    FAIL() << "no error about " << key;
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.where(), key);
  }
}

TEST(EvalSet, GridsThatCannotBeMadeAreRefused) {
  expect_refused({.lengths = {}}, "lengths");
  expect_refused({.lengths = {20}}, "lengths");
  expect_refused({.lengths = {400}, .hops = {3}}, "hops");
  expect_refused({.lengths = {400}, .questions = 0}, "questions");
  expect_refused({.lengths = {400}, .book = "emma"}, "book");
}

}  // namespace
}  // namespace levin::train::data
