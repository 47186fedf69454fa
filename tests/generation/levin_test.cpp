// The public library, used as a stranger would: no internal header is included here.
#include "levin/levin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace levin {
namespace {

using ::testing::HasSubstr;

Model load_mini() {
  return Model::load(std::string(LEVIN_SOURCE_DIR) + "/models/mini",
                     {.threads = 2, .context_tokens = 512});
}

TEST(Levin, AnswersAQuestionAboutAText) {
  Model model = load_mini();
  std::string streamed;
  const Answer answer =
      model.chat({{"system",
                   "The code of Wentworth is 907. It was a fine evening. The city of Zoe is "
                   "saints. They walked along the shore."},
                  {"user", "What is the code of Wentworth?"}},
                 {.max_new_tokens = 40}, [&](std::string_view text) {
                   streamed += text;
                   return true;
                 });
  EXPECT_THAT(answer.text, HasSubstr("907"));
  EXPECT_EQ(streamed, answer.text);
  EXPECT_EQ(answer.finish, Finish::kStop);
  EXPECT_EQ(answer.logprobs.size(), answer.tokens.size());
  EXPECT_EQ(model.detokenize({answer.tokens.begin(), answer.tokens.end() - 1}), answer.text);
}

TEST(Levin, TheLikeliestTokenHasTheLargestLogit) {
  Model model = load_mini();
  const std::vector<int32_t> prompt = model.tokenize("It is a truth universally acknowledged");
  const std::vector<float> logits = model.logits(prompt);
  const auto vocab = model.vocab_size();
  ASSERT_EQ(static_cast<int64_t>(logits.size()), static_cast<int64_t>(prompt.size()) * vocab);
  const auto best = std::max_element(logits.end() - vocab, logits.end()) - (logits.end() - vocab);
  const Answer answer = model.generate(prompt, {.max_new_tokens = 1});
  EXPECT_EQ(answer.tokens.at(0), best);
  EXPECT_EQ(answer.finish, Finish::kLength);
  EXPECT_EQ(model.generate("It is a truth universally acknowledged", {.max_new_tokens = 1}).tokens,
            answer.tokens);
}

TEST(Levin, SeedsRepeatAnswers) {
  Model model = load_mini();
  const GenerateOptions options{.max_new_tokens = 12, .temperature = 1.0, .seed = 7};
  const Answer first = model.generate("She was", options);
  EXPECT_EQ(model.generate("She was", options).tokens, first.tokens);
  EXPECT_EQ(Model(std::move(model)).generate("She was", options).tokens, first.tokens);
}

TEST(Levin, TheCallerCanStop) {
  Model model = load_mini();
  const Answer answer =
      model.generate("She was", {.max_new_tokens = 50}, [](std::string_view) { return false; });
  EXPECT_EQ(answer.finish, Finish::kCancelled);
  EXPECT_LT(answer.tokens.size(), 10U);
}

TEST(Levin, ErrorsAreSentences) {
  const auto message_of = [](auto action) -> std::string {
    try {
      action();
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(message_of([] { (void)Model::load("/no/such/model"); }), HasSubstr("/no/such/model"));
  Model ids_only = Model::load(std::string(LEVIN_TEST_DATA) + "/golden/v32-f32");
  EXPECT_THAT(message_of([&] { (void)ids_only.tokenize("text"); }), HasSubstr("no tokenizer.json"));
  EXPECT_EQ(ids_only.generate({5, 6}, {.max_new_tokens = 1}).text, "");
  Model model = load_mini();
  EXPECT_THAT(message_of([&] { (void)model.chat({{"king", "Obey."}}); }), HasSubstr("\"king\""));
  EXPECT_THAT(message_of([&] { (void)model.generate("x", {.top_p = 2.0}); }), HasSubstr("top_p"));
}

}  // namespace
}  // namespace levin
