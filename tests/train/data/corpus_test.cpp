#include "train/data/corpus.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/files.h"
#include "small_data.h"
#include "train/data/source_books.h"

namespace levin::train::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Corpus, ParagraphsAreJoinedFromHardWrappedLinesOfPlainAscii) {
  EXPECT_THAT(
      clean_paragraphs("It was--_she_ said--\r\n  “a fine  day” \n\n\n’Tis caf\u00E9.\n", 0),
      ElementsAre("It was - she said - \"a fine day\"", "'Tis cafe."));
}

TEST(Corpus, ParagraphsOfAFixedNumberOfLines) {
  EXPECT_THAT(clean_paragraphs("a.\nb.\nc.\n", 2), ElementsAre("a. b.", "c."));
}

TEST(Corpus, SentencesEndBehindPunctuationAndClosingQuotes) {
  EXPECT_THAT(split_sentences("He came. \"Who?\" (No one.) At 3.5 miles; then"),
              ElementsAre("He came.", "\"Who?\"", "(No one.)", "At 3.5 miles;", "then"));
  EXPECT_THAT(split_sentences(""), IsEmpty());
}

TEST(Corpus, HoldsOutABookAndTheEndOfAnother) {
  const CorpusSplit split = split_corpus(test::small_corpus(), "persuasion", "king_james_bible");
  ASSERT_EQ(split.train.books.size(), 2U);
  ASSERT_EQ(split.held_out.books.size(), 2U);
  EXPECT_EQ(split.train.books[1].name, "king_james_bible");
  EXPECT_EQ(split.train.books[1].paragraphs.size(), 54U);
  EXPECT_EQ(split.held_out.books[0].paragraphs.size(), 6U);
  EXPECT_EQ(split.held_out.books[1].paragraphs.size(), 60U);
  for (const Book& book : split.train.books) {
    EXPECT_NE(book.name, "persuasion");
  }
}

TEST(Corpus, AFolderWithoutBooksIsAnError) {
  const auto folder = test::fresh_folder("no_books");
  std::filesystem::create_directories(folder);
  try {
    (void)load_corpus(folder.string());
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInvalidFile);
    EXPECT_THAT(error.what(), HasSubstr("the corpus is empty"));
  }
}

TEST(Corpus, ABookWithAnotherChecksumIsRefused) {
  const auto folder = test::fresh_folder("changed_book");
  std::filesystem::create_directories(folder);
  base::write_file_atomically((folder / "emma.txt").string(), "Emma Woodhouse, dull.\n");
  for (const SourceBook& source : source_books()) {
    if (source.name == "emma") {
      try {
        (void)load_source_book(source, folder.string());
        FAIL() << "no error";
      } catch (const base::Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("emma.txt: the checksum is"));
        EXPECT_THAT(error.what(), HasSubstr("tools/fetch_corpus.sh"));
      }
    }
  }
}

TEST(Corpus, AMissingBookNamesTheScriptThatFetchesIt) {
  try {
    (void)load_source_book(source_books()[0], test::fresh_folder("nothing").string());
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("tools/fetch_corpus.sh"));
  }
}

}  // namespace
}  // namespace levin::train::data
