// What an interrupted evaluation has kept.
#include "eval/answer_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "formats/temporary_folder.h"

namespace levin::eval {
namespace {

using ::testing::HasSubstr;
using ::testing::Pointee;
using testing::TemporaryFolder;

const LookupPrompts kPrompts{{1, 2, 3}, {{4}, {5, 6}}};
const AnswerTexts kTexts = {"The code is 48.", "\"Zoë\"\n"};

TEST(AnswerJournal, FindsWhatWasKeptAlsoInAnotherRun) {
  const TemporaryFolder folder;
  const std::string path = folder.file("journal");
  {
    AnswerJournal journal(path);
    EXPECT_EQ(journal.find("dense", kPrompts), nullptr);
    journal.append("dense", kPrompts, kTexts);
    EXPECT_THAT(journal.find("dense", kPrompts), Pointee(kTexts));
  }
  EXPECT_THAT(AnswerJournal(path).find("dense", kPrompts), Pointee(kTexts));
}

TEST(AnswerJournal, TellsContestantsAndPromptsApart) {
  const TemporaryFolder folder;
  AnswerJournal journal(folder.file("journal"));
  journal.append("dense", kPrompts, kTexts);
  EXPECT_EQ(journal.find("sparse", kPrompts), nullptr);
  EXPECT_EQ(journal.find("dense", {{1, 2, 3}, {{4}, {5, 7}}}), nullptr);
  EXPECT_EQ(journal.find("dense", {{1, 2}, {{3, 4}, {5, 6}}}), nullptr);
}

TEST(AnswerJournal, DropsALastLineThatWasCutOff) {
  const TemporaryFolder folder;
  const std::string path = folder.file("journal");
  AnswerJournal(path).append("dense", kPrompts, kTexts);
  const auto whole = std::filesystem::file_size(path);
  AnswerJournal(path).append("sparse", kPrompts, kTexts);
  const auto both = std::filesystem::file_size(path);
  for (const auto size : {both - 1, whole + 1, whole - 1}) {
    std::filesystem::resize_file(path, size);
    AnswerJournal journal(path);
    EXPECT_EQ(journal.find("sparse", kPrompts), nullptr) << size;
    EXPECT_EQ(journal.find("dense", kPrompts) != nullptr, size >= whole) << size;
    journal.append("random", kPrompts, kTexts);
    EXPECT_THAT(AnswerJournal(path).find("random", kPrompts), Pointee(kTexts)) << size;
  }
}

TEST(AnswerJournal, LeavesFilesAloneThatAreNone) {
  const TemporaryFolder folder;
  const std::string path = folder.file("notes");
  const auto expect_refusal = [&](const std::string& content, const std::string& sentence) {
    std::ofstream(path) << content;
    try {
      const AnswerJournal journal(path);
      FAIL() << content;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
      EXPECT_THAT(error.what(), HasSubstr(sentence));
    }
    EXPECT_EQ(std::filesystem::file_size(path), content.size());
  };
  expect_refusal("Dear diary", "notes: no journal of answers");
  expect_refusal("Dear diary\n", "notes, line 1: is not");
  expect_refusal("{\"schema\": \"levin-lookup/1\"}\n", "line 1: no journal of answers");
  expect_refusal("{\"schema\": \"levin-answers/1\", \"texts\": [1]}\n", "`texts`: texts expected");
  expect_refusal("{\"schema\": \"levin-answers/1\", \"texts\": []}\n",
                 "`contestant`: a text expected");
}

}  // namespace
}  // namespace levin::eval
