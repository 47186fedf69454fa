// Which tokens of an answer have their log-probabilities told: text that the model would not write.
#include "serve/api/chat_format.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::json;

const ServedModel& tools_model() {
  static const ServedModel model = load_served_model({.model_dir = testing::mini_model(),
                                                      .name = "tools",
                                                      .context_tokens = 1024,
                                                      .is_sparse = true});
  return model;
}

/// The choice of an answer with these tokens, one in each event, up to one of the stop strings.
json choice_of(const std::vector<int32_t>& tokens, const std::vector<std::string>& stop = {},
               const std::string& reason = "stop") {
  const ServedModel& model = tools_model();
  Metrics metrics;
  Worker worker;
  const ReplyServices services{.worker = worker, .metrics = metrics, .prices = {}};
  Reply reply(std::make_shared<testing::RecordingResponder>(), {}, nullptr, services);
  ChatFormatOptions options;
  options.output = {.style = text::ChatStyle::kV31, .reads_calls = true};
  options.stop = stop;
  options.wants_logprobs = true;
  ChatFormat format(options, model);
  text::Detokenizer detokenizer(model.tokenizer, true);
  for (const int32_t token : tokens) {
    generation::Delta delta;
    delta.text = detokenizer.push(token);
    delta.token.emplace().token = token;
    format.take(delta, reply);
    if (format.has_stopped()) {
      break;
    }
  }
  const Choice choice = format.end(reason, reply);
  json whole = choice.json;
  whole["logprobs"] = json::parse(choice.logprobs);
  return whole;
}

std::string told_text(const json& choice) {
  std::string text;
  for (const json& token : choice["logprobs"]["content"]) {
    text += token["token"].get<std::string>();
  }
  return text;
}

std::vector<int32_t> ids_of(const std::string& text) {
  return tools_model().tokenizer.encode(text).ids;
}

TEST(ChatFormat, TellsTheTokensInFrontOfACallAndNotThoseOfTheCall) {
  const json choice =
      choice_of(ids_of("Let me see.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>"
                       R"({"zone": "UTC"})"
                       "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"));
  EXPECT_EQ(choice["message"]["content"], "Let me see.");
  EXPECT_EQ(choice["message"]["tool_calls"].size(), 1U);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(told_text(choice), "Let me see.");
}

const std::string kCall =
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{\"zone\": \"UTC\"}";
const std::string kCallEnd = "<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

TEST(ChatFormat, StopStringsEndTheContentAndNotACall) {
  json choice = choice_of(ids_of("Let me see." + kCall + kCallEnd), {"\"", "see.{", "<", "zone"});
  EXPECT_EQ(choice["message"]["content"], "Let me see.");
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["arguments"], R"({"zone": "UTC"})");
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(told_text(choice), "Let me see.");
  choice = choice_of(ids_of("Let me see." + kCall + kCallEnd), {" see"});
  EXPECT_EQ(choice["message"]["content"], "Let me");
  EXPECT_FALSE(choice["message"].contains("tool_calls"));
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(told_text(choice), "Let me");
}

TEST(ChatFormat, AStopStringInTheLastTextCounts) {
  const json choice = choice_of(ids_of("a<｜tool▁calls▁begin｜>"), {"a<"}, "length");
  EXPECT_EQ(choice["message"]["content"], "");
  EXPECT_EQ(choice["finish_reason"], "stop");
}

TEST(ChatFormat, ACallThatIsNotWholeIsNoReasonToEnd) {
  EXPECT_EQ(choice_of(ids_of(kCall))["finish_reason"], "stop");
  EXPECT_EQ(choice_of(ids_of(kCall), {}, "length")["finish_reason"], "length");
  EXPECT_EQ(choice_of(ids_of(kCall + "<｜tool▁call▁end｜>"))["finish_reason"], "tool_calls");
}

TEST(ChatFormat, TellsWhatFollowsATokenWithoutText) {
  std::vector<int32_t> tokens = ids_of("one ");
  tokens.push_back(*tools_model().tokenizer.bos_id());
  for (const int32_t token : ids_of("two three")) {
    tokens.push_back(token);
  }
  const json choice = choice_of(tokens);
  EXPECT_EQ(choice["message"]["content"], "one two three");
  EXPECT_EQ(choice["logprobs"]["content"].size(), tokens.size());
}

TEST(ChatFormat, TellsWhatLookedLikeACallAndIsNone) {
  const std::string text = "a < b <｜tool▁calls▁begin｜> is no call";
  const json choice = choice_of(ids_of(text));
  EXPECT_EQ(choice["message"]["content"], text);
  EXPECT_EQ(told_text(choice), text);
}

}  // namespace
}  // namespace levin::serve::api
