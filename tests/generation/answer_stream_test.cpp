#include "generation/answer_stream.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/mini_model.h"

namespace levin::generation {
namespace {

using runtime::FinishReason;

class AnswerStreamOnMini : public ::testing::Test {
 protected:
  /// Ids of `text`, without BOS.
  [[nodiscard]] std::vector<int32_t> ids(const std::string& text) const {
    return tokenizer_.encode(text).ids;
  }

  /// Feeds the ids and returns the texts of the deltas; the last event has `finish`.
  static std::vector<std::string> feed(AnswerStream& stream, const std::vector<int32_t>& ids,
                                       std::optional<FinishReason> finish) {
    std::vector<std::string> texts;
    for (size_t i = 0; i < ids.size(); ++i) {
      runtime::TokenEvent event;
      event.token.emplace();
      event.token->token = ids[i];
      if (i + 1 == ids.size()) {
        event.finish = finish;
      }
      texts.push_back(stream.take(event).text);
    }
    return texts;
  }

  text::Tokenizer tokenizer_ = text::Tokenizer::load(levin::testing::mini_model());
};

TEST_F(AnswerStreamOnMini, TheDeltasTogetherAreTheText) {
  AnswerStream stream(&tokenizer_, {});
  const std::string text = "Naïve — 東京 🙂 text.";
  std::string joined;
  for (const std::string& delta : feed(stream, ids(text), FinishReason::kLength)) {
    joined += delta;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(stream.text(), text);
  EXPECT_EQ(stream.tokens(), ids(text));
  EXPECT_EQ(stream.finish(), FinishReason::kLength);
}

TEST_F(AnswerStreamOnMini, ACharacterCutByTheLimitBecomesAReplacement) {
  std::vector<int32_t> cut = ids("a🙂");
  ASSERT_GT(cut.size(), 2U);
  cut.pop_back();
  AnswerStream stream(&tokenizer_, {});
  (void)feed(stream, cut, FinishReason::kLength);
  EXPECT_EQ(stream.text(), "a\xEF\xBF\xBD");
}

TEST_F(AnswerStreamOnMini, TheStopTokenIsNoText) {
  std::vector<int32_t> answer = ids("yes");
  answer.push_back(*tokenizer_.id_of("<｜User｜>"));
  AnswerOptions options;
  options.stop_token_ids = {answer.back()};
  options.skip_special = false;
  AnswerStream stream(&tokenizer_, options);
  (void)feed(stream, answer, FinishReason::kStop);
  EXPECT_EQ(stream.text(), "yes");
  EXPECT_EQ(stream.tokens(), answer) << "but it is a token of the answer";
}

TEST_F(AnswerStreamOnMini, AStopStringEndsTheAnswerWhateverComesLater) {
  AnswerOptions options;
  options.stop = {"three"};
  AnswerStream stream(&tokenizer_, options);
  (void)feed(stream, ids("one two three four"), std::nullopt);
  EXPECT_TRUE(stream.has_stopped());
  EXPECT_EQ(stream.text(), "one two ");
  EXPECT_EQ(stream.stop_string(), "three");
  const size_t tokens = stream.tokens().size();
  runtime::TokenEvent cancelled;
  cancelled.finish = FinishReason::kCancelled;
  EXPECT_EQ(stream.take(cancelled).text, "");
  EXPECT_EQ(stream.finish(), FinishReason::kStop);
  EXPECT_LT(tokens, ids("one two three four").size()) << "later tokens are ignored";
}

TEST_F(AnswerStreamOnMini, HeldTextComesWithTheEnd) {
  AnswerOptions options;
  options.stop = {"three"};
  AnswerStream stream(&tokenizer_, options);
  (void)feed(stream, ids("one two thr"), FinishReason::kLength);
  EXPECT_EQ(stream.text(), "one two thr");
  EXPECT_EQ(stream.finish(), FinishReason::kLength);
}

TEST_F(AnswerStreamOnMini, AStopStringInTheLastTextCounts) {
  AnswerOptions options;
  options.stop = {"\xEF\xBF\xBD"};
  std::vector<int32_t> cut = ids("a🙂");
  cut.pop_back();
  AnswerStream stream(&tokenizer_, options);
  (void)feed(stream, cut, FinishReason::kLength);
  EXPECT_EQ(stream.text(), "a");
  EXPECT_EQ(stream.finish(), FinishReason::kStop);
}

TEST_F(AnswerStreamOnMini, PassesErrorsOn) {
  AnswerStream stream(&tokenizer_, {});
  runtime::TokenEvent event;
  event.finish = FinishReason::kError;
  event.error = "something is wrong";
  (void)stream.take(event);
  EXPECT_EQ(stream.finish(), FinishReason::kError);
  EXPECT_EQ(stream.error(), "something is wrong");
}

TEST(AnswerStream, WithoutATokenizerThereAreOnlyTokens) {
  AnswerStream stream(nullptr, {});
  runtime::TokenEvent event;
  event.token.emplace();
  event.token->token = 5;
  EXPECT_EQ(stream.take(event).token->token, 5);
  EXPECT_EQ(stream.text(), "");
  AnswerOptions options;
  options.stop = {"x"};
  EXPECT_THROW(AnswerStream(nullptr, options), base::Error);
}

}  // namespace
}  // namespace levin::generation
