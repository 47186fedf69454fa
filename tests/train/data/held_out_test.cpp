// What training shows and what only evaluation asks about never meet.
#include <gmock/gmock.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "small_data.h"
#include "train/data/facts.h"
#include "train/data/lexicon.h"

namespace levin::train::data {
namespace {

template <typename List>
bool have_common(const List& a, const List& b) {
  return std::any_of(a.begin(), a.end(), [&](const auto& item) {
    return std::find(b.begin(), b.end(), item) != b.end();
  });
}

TEST(HeldOut, ListsOfTheTwoSplitsAreDisjoint) {
  for (const auto list : {number_attributes, word_attributes, first_names, carriers, questions}) {
    EXPECT_FALSE(have_common(list(Split::kTrain), list(Split::kHeldOut)));
  }
  EXPECT_FALSE(have_common(value_words(test::small_train_corpus(), Split::kTrain),
                           value_words(test::small_train_corpus(), Split::kHeldOut)));
}

TEST(HeldOut, TrainingDrawsNoHeldOutNameOrNumber) {
  RandomStream random(1);
  for (int draw = 0; draw < 2000; ++draw) {
    EXPECT_FALSE(is_held_out(made_up_name(random, Split::kTrain)));
    EXPECT_FALSE(is_held_out(draw_number(random, Split::kTrain)));
    EXPECT_TRUE(is_held_out(draw_number(random, Split::kHeldOut)));
  }
}

TEST(HeldOut, NamesOfTrainingAreNoneOfEvaluation) {
  const std::vector<std::string> words = {"hazel", "truth", "river", "opal", "candle", "basket"};
  const auto first = first_names(Split::kHeldOut);
  RandomStream random(2);
  int from_words = 0;
  for (int draw = 0; draw < 5000; ++draw) {
    const std::string name = draw_name(random, Split::kTrain, words);
    EXPECT_EQ(std::find(first.begin(), first.end(), name), first.end()) << name;
    EXPECT_NE(name, "Truth") << "training never shows this ending";
    from_words += name == "River" || name == "Candle" || name == "Basket" ? 1 : 0;
  }
  EXPECT_GT(from_words, 0);
}

// The grammar of made-up names, written a second time.
TEST(HeldOut, NoFirstNameOfEvaluationCanBeMadeUp) {
  const std::string syllable = "(br|cr|dr|gr|st|tr|pl|[bcdfghjklmnprstvwz])[aeiou]";
  const std::regex made_up("(" + syllable + "){1,2}(n|r|l|s|m|x|nd|rk)?", std::regex::icase);
  EXPECT_TRUE(std::regex_match("Hazel", made_up));
  for (const std::string_view name : first_names(Split::kHeldOut)) {
    EXPECT_FALSE(std::regex_match(std::string(name), made_up)) << name;
  }
}

TEST(HeldOut, MadeUpNamesOfEvaluationAreNoFirstNamesOfTraining) {
  const auto first = first_names(Split::kTrain);
  RandomStream random(4);
  for (int draw = 0; draw < 50000; ++draw) {
    const std::string name = made_up_name(random, Split::kHeldOut);
    ASSERT_EQ(std::find(first.begin(), first.end(), name), first.end()) << name;
  }
}

TEST(HeldOut, BlendsOfWordsAreNoWordsOfEvaluation) {
  const std::vector<std::string> words = {"kettle", "river", "opal", "candle"};
  RandomStream random(3);
  std::set<std::string> drawn;
  for (int draw = 0; draw < 2000; ++draw) {
    drawn.insert(draw_word(random, Split::kTrain, words));
    const std::string value = draw_word(random, Split::kHeldOut, words);
    EXPECT_NE(std::find(words.begin(), words.end(), value), words.end()) << value;
  }
  EXPECT_GT(drawn.size(), 50U) << "four words and what they blend to";
  for (const std::string& word : drawn) {
    EXPECT_TRUE(std::find(words.begin(), words.end(), word) != words.end() || !is_held_out(word))
        << word;
  }
}

TEST(HeldOut, TheRuleIsTheSameOnEveryMachine) {
  EXPECT_EQ(hash_text("levin"), hash_text(std::string("lev") + "in"));
  std::vector<std::string> held_out;
  for (int number = 10; number < 60; ++number) {
    if (is_held_out(std::to_string(number))) {
      held_out.push_back(std::to_string(number));
    }
  }
  EXPECT_THAT(held_out, ::testing::ElementsAre("14", "17", "37", "43", "47", "49", "51"));
}

TEST(Facts, NoTwoFactsOfADocumentContradictEachOther) {
  const std::vector<std::string> words = {"kettle", "river"};
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RandomStream random(seed);
    const std::vector<Fact> facts =
        draw_facts({.facts = 30, .relation_share = 0.4, .name_reuse_share = 0.5}, words, random);
    ASSERT_EQ(facts.size(), 30U);
    std::vector<std::string> keys;
    for (const Fact& fact : facts) {
      keys.push_back(fact.attribute + "/" + fact.name);
      EXPECT_NE(fact.name, fact.value);
    }
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
  }
}

TEST(Facts, ANameWithEveryAttributeGivesWayToANewOne) {
  RandomStream random(5);
  const std::vector<Fact> facts = draw_facts(
      {.facts = 60, .name_reuse_share = 1, .one_kind_share = 1}, {"kettle", "river"}, random);
  std::set<std::string> names;
  for (const Fact& fact : facts) {
    names.insert(fact.name);
  }
  EXPECT_GT(names.size(), 4U) << "a document has twelve attributes of a kind at most";
  EXPECT_LT(names.size(), 60U);
}

TEST(Facts, OneKindMeansNumbersAloneOrWordsAlone) {
  int documents_of_numbers = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    RandomStream random(seed);
    const std::vector<Fact> facts =
        draw_facts({.facts = 6, .name_reuse_share = 0.5, .one_kind_share = 1}, {"kettle"}, random);
    const auto has_number = [](const Fact& fact) { return fact.value[0] <= '9'; };
    const auto numbers = std::ranges::count_if(facts, has_number);
    EXPECT_TRUE(numbers == 0 || numbers == 6) << numbers;
    documents_of_numbers += numbers == 6 ? 1 : 0;
  }
  EXPECT_GT(documents_of_numbers, 10);
  EXPECT_LT(documents_of_numbers, 40);
}

TEST(Facts, QuestionsAndAnswersReadAsSentences) {
  const std::vector<Fact> facts = {{"code", "Leo", "482", false, "The code of Leo is 482."},
                                   {"friend", "Ann", "Leo", true, "The friend of Ann is Leo."}};
  RandomStream random(1);
  const Question one = one_hop_question(facts, 0, {}, random);
  EXPECT_EQ(one.text, "What is the code of Leo?");
  EXPECT_EQ(answer_text(one), "The code of Leo is 482.");
  ASSERT_EQ(find_relation(facts, 0, random), 1U);
  EXPECT_EQ(find_relation(facts, 1, random), std::nullopt);
  const Question two = two_hop_question(facts, 0, 1, {}, random);
  EXPECT_EQ(two.text, "What is the code of the friend of Ann?");
  EXPECT_EQ(answer_text(two), "The friend of Ann is Leo. The code of Leo is 482.");
  EXPECT_EQ(two.answer[1].role, TokenRole::kValue);
  EXPECT_EQ(two.answer[1].text, " Leo");
}

}  // namespace
}  // namespace levin::train::data
