// levin tokenize: text to ids and back through the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/levin_process.h"

namespace levin::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kText = "Hello there,\n  naïve 世界 123!\n";

TEST(Tokenize, IdsComeBackAsTheSameText) {
  const ProcessResult ids = run_levin({"tokenize", mini_model(), "--no-bos"}, kText);
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(run_levin({"tokenize", mini_model(), "--decode"}, ids.out).out, kText);
}

TEST(Tokenize, JsonIsOneFlatListThatBeginsWithBos) {
  const ProcessResult with_bos = run_levin({"tokenize", mini_model(), "--json"}, kText);
  const ProcessResult without = run_levin({"tokenize", mini_model(), "--json", "--no-bos"}, kText);
  const auto ids = nlohmann::json::parse(with_bos.out).get<std::vector<int>>();
  auto expected = nlohmann::json::parse(without.out).get<std::vector<int>>();
  expected.insert(expected.begin(), 0);
  EXPECT_EQ(ids, expected);
  const ProcessResult decoded =
      run_levin({"tokenize", mini_model(), "--decode", "--json"}, without.out);
  EXPECT_EQ(nlohmann::json::parse(decoded.out), kText);
}

TEST(Tokenize, EmptyInputIsNoIds) {
  EXPECT_EQ(run_levin({"tokenize", mini_model(), "--no-bos", "--json"}).out, "[]\n");
  EXPECT_EQ(run_levin({"tokenize", mini_model(), "--decode"}).out, "");
}

TEST(Tokenize, InvalidUtf8IsRepairedWithOneWarning) {
  const ProcessResult result = run_levin({"tokenize", mini_model(), "--no-bos"}, "a\xFF\xC3z\xFE");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("3 ill-formed UTF-8 sequences were read as U+FFFD"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
  EXPECT_EQ(run_levin({"tokenize", mini_model(), "--decode"}, result.out).out,
            "a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD");
}

TEST(Tokenize, WordsThatAreNoIdsAreRefused) {
  const ProcessResult result = run_levin({"tokenize", mini_model(), "--decode"}, "1 2 x3");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.err, "levin: error: standard input: \"x3\" is not a token id\n");
}

TEST(Tokenize, JsonListsAreReadWholeOrNotAtAll) {
  const auto decode = [](const std::string& ids) {
    return run_levin({"tokenize", mini_model(), "--decode"}, ids);
  };
  EXPECT_EQ(decode(" [100, 101]\n").out, decode("100 101").out);
  for (const char* broken :
       {"[1,2", "[1,,2]", "[1 2]]", "[1] 2", "[", "[1.5]", "[\"1\"]", "[[1]]"}) {
    EXPECT_EQ(decode(broken).exit_code, 3) << broken;
  }
  EXPECT_EQ(decode("[\"1\"]").err,
            "levin: error: standard input: token ids expected, entry 0 is a string\n");
  EXPECT_THAT(decode("[18446744073709551615]").err,
              HasSubstr("token 18446744073709551615 at position 0 is outside the vocabulary"));
  EXPECT_EQ(decode(std::string(200000, '[') + std::string(200000, ']')).exit_code, 3);
}

TEST(Tokenize, IdsOutsideTheVocabularyAreRefused) {
  const ProcessResult result = run_levin({"tokenize", mini_model(), "--decode"}, "5 99999");
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("token id 99999 is not in the tokenizer's vocabulary"));
}

TEST(Tokenize, FolderWithoutTokenizerIsNotFound) {
  const ProcessResult result = run_levin({"tokenize", test_data("golden/v32-fp8")}, "x");
  EXPECT_EQ(result.exit_code, 4);
  EXPECT_THAT(result.err, HasSubstr("tokenizer.json"));
}

}  // namespace
}  // namespace levin::testing
