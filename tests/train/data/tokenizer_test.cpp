#include <gmock/gmock.h>

#include "base/error.h"
#include "base/utf8.h"
#include "small_data.h"
#include "text/prompt.h"
#include "train/data/bpe_trainer.h"
#include "train/data/marks.h"
#include "train/data/tokenizer_files.h"

namespace levin::train::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BpeTrainer, MergesTheMostFrequentPairFirst) {
  // ab 6, bc 4: then (ab, c) 4.
  const TrainedBpe bpe = train_bpe({{"abc", 4}, {"ab", 2}}, 258, 0);
  ASSERT_EQ(bpe.tokens.size(), 258U);
  EXPECT_EQ(bpe.tokens[256], "ab");
  EXPECT_EQ(bpe.tokens[257], "abc");
  EXPECT_EQ(bpe.merges[1].left, 256);
  EXPECT_EQ(bpe.merges[1].right, 'c');
}

TEST(BpeTrainer, OfEqualCountsTheLowerIdsComeFirst) {
  const TrainedBpe bpe = train_bpe({{"yz", 3}, {"ab", 3}, {"aa", 3}}, 259, 0);
  EXPECT_THAT(std::vector<std::string>(bpe.tokens.begin() + 256, bpe.tokens.end()),
              ElementsAre("aa", "ab", "yz"));
}

TEST(BpeTrainer, CountsOfOverlappingPairsStayRight) {
  // aaaa: three pairs, one merge makes (aa)(aa).
  const TrainedBpe bpe = train_bpe({{"aaaa", 2}}, 258, 10);
  EXPECT_EQ(bpe.tokens[256], "aa");
  EXPECT_EQ(bpe.tokens[257], "aaaa");
  EXPECT_EQ(bpe.merges[1].left, 10 + 256);
}

TEST(BpeTrainer, TooLittleTextForTheVocabularyIsAnError) {
  try {
    (void)train_bpe({{"ab", 5}}, 300, 0);
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("257 ordinary tokens only, 300 are asked for"));
  }
  EXPECT_THROW((void)train_bpe({{"ab", 5}}, 100, 0), base::Error);
}

TEST(TrainedTokenizer, HasTheMarksOfTheChatFormatAndExactlyTheIdsAskedFor) {
  const text::Tokenizer& tokenizer = test::small_tokenizer();
  EXPECT_EQ(tokenizer.vocab_size(), test::kSmallVocab);
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    EXPECT_TRUE(tokenizer.is_known(id)) << id;
  }
  EXPECT_EQ(tokenizer.bos_id(), 0);
  EXPECT_EQ(tokenizer.eos_id(), 1);
  EXPECT_EQ(tokenizer.id_of("<｜▁pad▁｜>"), 2);
  for (const std::string_view mark :
       {text::markup::kUser, text::markup::kAssistant, text::markup::kThinkBegin,
        text::markup::kThinkEnd, text::markup::kToolCallsBegin, text::markup::kToolCallsEnd,
        text::markup::kToolCallBegin, text::markup::kToolCallEnd, text::markup::kToolSep,
        text::markup::kToolOutputBegin, text::markup::kToolOutputEnd}) {
    EXPECT_TRUE(tokenizer.id_of(mark)) << mark;
  }
  for (const std::string_view mark :
       {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜search▁begin｜>", "<|EOT|>"}) {
    EXPECT_TRUE(tokenizer.id_of(mark)) << mark;
  }
  EXPECT_TRUE(tokenizer.is_special(0));
  EXPECT_FALSE(tokenizer.is_special(*tokenizer.id_of("</think>")));
}

TEST(TrainedTokenizer, GivesBackEveryCharacter) {
  std::string text;
  for (char32_t code = 1; code < 0x3000; code += 7) {
    base::append_utf8(text, code);
  }
  text += "\U0001F600 12345\r\n\t  x";
  const text::Tokenizer& tokenizer = test::small_tokenizer();
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text).ids), text);
}

TEST(TrainedTokenizer, EveryByteHasATokenOfItsOwn) {
  const text::Tokenizer& tokenizer = test::small_tokenizer();
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(tokenizer.token_bytes(3 + byte), std::string(1, static_cast<char>(byte)));
  }
}

TEST(TrainedTokenizer, NumbersAreReadDigitByDigit) {
  const text::Tokenizer& tokenizer = test::small_tokenizer();
  const std::vector<int32_t> ids = tokenizer.encode(" 48213").ids;
  ASSERT_EQ(ids.size(), 6U);
  EXPECT_EQ(tokenizer.token_bytes(ids[1]), "4");
  for (int32_t id = 3 + 256; id < tokenizer.vocab_size(); ++id) {
    if (!tokenizer.is_added(id)) {
      EXPECT_EQ(tokenizer.token_bytes(id).find_first_of("0123456789"), std::string_view::npos);
    }
  }
}

TEST(TrainedTokenizer, IsTheSameAtEveryTraining) {
  const auto train = [] {
    return train_tokenizer(
               test::small_train_corpus(), [](const auto& /*add*/) {}, 500)
        .tokenizer_json;
  };
  EXPECT_EQ(train(), train());
}

TEST(TrainedTokenizer, WithoutAMarkItCannotMakeTrainingData) {
  std::string content = train_tokenizer(
                            test::small_train_corpus(), [](const auto& /*add*/) {}, 500)
                            .tokenizer_json;
  const std::string mark = "</think>";
  content.replace(content.find(mark), mark.size(), "</other>");
  try {
    (void)find_marks(text::Tokenizer::from_json(content, "tokenizer.json"));
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the added token </think> is not there"));
  }
}

}  // namespace
}  // namespace levin::train::data
