// Question files: what is read, and one sentence for what is not.
#include "eval/lookup_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace levin::eval {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json sample(const std::string& id = "a") {
  return {{"schema", "levin-lookup/1"},
          {"id", id},
          {"length", 1024},
          {"wording", "first"},
          {"hops", 2},
          {"facts", 1},
          {"document_tokens", 9},
          {"document", "Ann's friend is Bob. The code of Bob is 48."},
          {"questions", json::array({{{"question", "What is the code of Ann's friend?"},
                                      {"answer", "48"},
                                      {"response", "The code of Bob is 48."},
                                      {"fact", "The code of Bob is 48."},
                                      {"depth", 0.5},
                                      {"relation", "Ann's friend is Bob."},
                                      {"relation_depth", 0.0},
                                      {"prompt_tokens", 20}}})}};
}

std::string refusal(const std::string& content) {
  const levin::testing::TemporaryFolder folder;
  std::ofstream(folder.file("q.jsonl")) << content;
  try {
    (void)read_lookup_file(folder.file("q.jsonl"));
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
    return error.what();
  }
  return "no error";
}

std::string refusal(const json& document) { return refusal(document.dump() + "\n"); }

TEST(LookupFile, HoldsDocumentsWithTheirQuestions) {
  const levin::testing::TemporaryFolder folder;
  std::ofstream(folder.file("q.jsonl")) << sample("a").dump() << "\n\n" << sample("b").dump();
  const std::vector<LookupDocument> documents = read_lookup_file(folder.file("q.jsonl"));
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(documents[1].id, "b");
  EXPECT_EQ(documents[0].length, 1024);
  EXPECT_EQ(documents[0].wording, "first");
  EXPECT_EQ(documents[0].hops, 2);
  ASSERT_EQ(documents[0].questions.size(), 1U);
  EXPECT_EQ(documents[0].questions[0].answer, "48");
  EXPECT_EQ(documents[0].questions[0].depth, 0.5);
}

TEST(LookupFile, NamesTheLineThatIsCutShort) {
  const std::string line = sample().dump();
  EXPECT_THAT(refusal(line + "\n" + line.substr(0, line.size() / 2)),
              HasSubstr("q.jsonl, line 2: is not valid JSON"));
}

TEST(LookupFile, RefusesTextThatIsNotUtf8) {
  std::string line = sample().dump();
  line.replace(line.find("Ann"), 3, "\xFF\xFF\xFF");
  EXPECT_THAT(refusal(line), HasSubstr("q.jsonl, line 1: "));
}

TEST(LookupFile, NamesTheKeyThatIsWrong) {
  const auto with = [](const char* key, json value) {
    json document = sample();
    document[key] = std::move(value);
    return refusal(document);
  };
  EXPECT_THAT(with("lenght", 1), HasSubstr("line 1: the key \"lenght\" is not known"));
  EXPECT_THAT(with("length", "long"), HasSubstr("`length`: a whole number from 1 to"));
  EXPECT_THAT(with("length", 0), HasSubstr("`length`: a whole number from 1 to"));
  EXPECT_THAT(with("length", UINT64_MAX), HasSubstr("`length`: a whole number from 1 to"));
  EXPECT_THAT(with("hops", 3), HasSubstr("`hops`: a whole number from 1 to 2 expected"));
  EXPECT_THAT(with("document", ""), HasSubstr("`document`: a text expected"));
  EXPECT_THAT(with("questions", json::array()), HasSubstr("`questions`: a list with at least one"));
  EXPECT_THAT(with("questions", json::array({1})), HasSubstr("question 1: a JSON object expected"));
  EXPECT_THAT(with("schema", "levin-lookup/2"), HasSubstr("`schema`: \"levin-lookup/1\" expected"));
  json document = sample();
  document.erase("wording");
  EXPECT_THAT(refusal(document), HasSubstr("the key `wording` is missing"));
  document = sample();
  document["questions"][0]["depth"] = 1.5;
  EXPECT_THAT(refusal(document), HasSubstr("question 1: `depth`: a number from 0 to 1 expected"));
}

TEST(LookupFile, RefusesWhatHoldsNothingOrTheSameTwice) {
  EXPECT_THAT(refusal(std::string("\n \n")), HasSubstr("the file holds no questions"));
  EXPECT_THAT(refusal(sample().dump() + "\n" + sample().dump()),
              HasSubstr("line 2: the id \"a\" occurs twice"));
  EXPECT_THAT(refusal(std::string("[1]")), HasSubstr("line 1: a JSON object expected"));
}

}  // namespace
}  // namespace levin::eval
