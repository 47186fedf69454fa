// Chats that go on from a prefix or from the result of a tool, in the markup of V3.1 and of V3.2
// (DSML): what the model reads, and that the answer is what it writes after exactly that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::chat_body;
using testing::dsml_folder;
using ::testing::EndsWith;
using testing::json;
using testing::mini_model;
using testing::ServiceFixture;

/// A chat in which a tool was called and has answered.
json body_with_result() {
  json body = chat_body();
  body["max_tokens"] = 8;
  body["messages"].push_back(
      {{"role", "assistant"},
       {"content", nullptr},
       {"tool_calls",
        {{{"id", "call_1"},
          {"type", "function"},
          {"function", {{"name", "get_weather"}, {"arguments", "{\"city\": \"Oslo\"}"}}}}}}});
  body["messages"].push_back(
      {{"role", "tool"}, {"tool_call_id", "call_1"}, {"content", "4 degrees"}});
  return body;
}

json body_with_prefix(const json& message) {
  json body = chat_body();
  body["max_tokens"] = 8;
  body["messages"].push_back({{"role", "assistant"}, {"prefix", true}});
  body["messages"].back().update(message);
  return body;
}

json thinking(json body) {
  body["thinking"] = {{"type", "enabled"}};
  body["seed"] = 3;
  return body;
}

class ChatContinuation : public ::testing::TestWithParam<std::string (*)()> {
 protected:
  json post(const std::string& path, const json& body) {
    const testing::ResponderPtr answer = fixture_.post(path, body);
    EXPECT_EQ(answer->status(), 200) << answer->body();
    return answer->json();
  }
  json message_of(const json& body) {
    return post("/chat/completions", body)["choices"][0]["message"];
  }
  std::vector<int32_t> prompt_of(const json& body) { return post("/tokenize", body)["tokens"]; }
  std::string prompt_text(const json& body) {
    return post("/detokenize", {{"tokens", prompt_of(body)}})["prompt"];
  }
  /// What the model writes after the prompt of the chat, drawn as for an answer of the chat.
  std::string completion_of(const json& body) {
    json completion = {{"model", "mini"},
                       {"prompt", prompt_of(body)},
                       {"max_tokens", body["max_tokens"]},
                       {"temperature", 0}};
    if (body.contains("thinking")) {
      completion.update({{"temperature", 1}, {"top_p", 0.95}, {"seed", body["seed"]}});
    }
    return post("/completions", completion)["choices"][0]["text"];
  }
  static bool is_dsml() { return GetParam() == &dsml_folder; }

  ServiceFixture fixture_{{.model_dir = GetParam()()}};
};

TEST_P(ChatContinuation, APrefixIsGoneOnWith) {
  const json body = body_with_prefix({{"content", "The city of"}});
  EXPECT_THAT(prompt_text(body), EndsWith("<｜Assistant｜></think>The city of"));
  const json message = message_of(body);
  EXPECT_NE(message["content"], "");
  EXPECT_EQ(message["content"], completion_of(body)) << "the continuation alone";
}

TEST_P(ChatContinuation, AThoughtThatWasBegunIsGoneOnWith) {
  const json body =
      thinking(body_with_prefix({{"content", ""}, {"reasoning_content", "Where is Zoe"}}));
  EXPECT_THAT(prompt_text(body), EndsWith("<｜Assistant｜><think>Where is Zoe"));
  const json message = message_of(body);
  EXPECT_NE(message["reasoning_content"], "");
  EXPECT_EQ(message["reasoning_content"], completion_of(body));
  EXPECT_EQ(message["content"], "");
}

TEST_P(ChatContinuation, AnAnswerAfterAThoughtIsGoneOnWith) {
  const json body = thinking(
      body_with_prefix({{"content", "The city of"}, {"reasoning_content", "Where is Zoe"}}));
  EXPECT_THAT(prompt_text(body), EndsWith("<think>Where is Zoe</think>The city of"));
  const json message = message_of(body);
  EXPECT_NE(message["content"], "");
  EXPECT_EQ(message["content"], completion_of(body));
  EXPECT_EQ(message["reasoning_content"], "") << "the thinking is over";
}

TEST_P(ChatContinuation, AToolsResultGoesBackToTheModel) {
  const json body = body_with_result();
  EXPECT_THAT(prompt_text(body),
              EndsWith(is_dsml() ? "<result>4 degrees</result>\n</function_results>\n\n</think>"
                                 : "<｜tool▁output▁begin｜>4 degrees<｜tool▁output▁end｜>"));
  const json message = message_of(body);
  EXPECT_NE(message["content"], "");
  EXPECT_EQ(message["content"], completion_of(body));
  EXPECT_FALSE(message.contains("reasoning_content"));
}

TEST_P(ChatContinuation, ThinkingAfterAToolsResultComesApart) {
  const json body = thinking(body_with_result());
  const json message = message_of(body);
  const std::string written = completion_of(body);
  EXPECT_NE(written, "");
  if (is_dsml()) {
    EXPECT_THAT(prompt_text(body), EndsWith("</function_results>\n\n<think>"));
    EXPECT_EQ(message["reasoning_content"], written);
    EXPECT_EQ(message["content"], "");
  } else {
    EXPECT_EQ(message["content"], written) << "the template of V3.1 has no thinking there";
  }
}

INSTANTIATE_TEST_SUITE_P(Markup, ChatContinuation, ::testing::Values(&mini_model, &dsml_folder),
                         [](const auto& markup) { return markup.index == 0 ? "V31" : "Dsml"; });

}  // namespace
}  // namespace levin::serve::api
