// Thinking, tools and JSON on a model whose tokenizer has the markup; its words make no sense, so
// what is tested is the form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::chat_body;
using ::testing::HasSubstr;
using testing::json;
using testing::ResponderPtr;
using testing::ServiceFixture;

json weather_tool() {
  return {{"type", "function"},
          {"function",
           {{"name", "get_weather"},
            {"strict", true},
            {"parameters",
             {{"type", "object"},
              {"properties", {{"city", {{"type", "string"}, {"enum", {"Oslo", "Rome"}}}}}},
              {"required", {"city"}},
              {"additionalProperties", false}}}}}};
}

json short_body() {
  json body = chat_body();
  body["max_tokens"] = 200;
  return body;
}

class ChatModes : public ::testing::Test {
 protected:
  json choice_of(const json& body) {
    const ResponderPtr answer = fixture_.post("/chat/completions", body);
    EXPECT_EQ(answer->status(), 200) << answer->body();
    return answer->json()["choices"][0];
  }
  /// "param: code" of the refusal.
  std::string refusal_of(const json& body) {
    const ResponderPtr answer = fixture_.post("/chat/completions", body);
    EXPECT_EQ(answer->status(), 422) << answer->body();
    const json error = answer->json()["error"];
    return error["param"].is_string() ? error["param"].get<std::string>() : "";
  }

  ServiceFixture fixture_;
};

TEST_F(ChatModes, AReasonersThinkingComesApartFromItsAnswer) {
  json body = short_body();
  body["model"] = "deepseek-reasoner";
  body["max_tokens"] = 20;
  body["seed"] = 1;
  const ResponderPtr answer = fixture_.post("/chat/completions", body);
  const json message = answer->json()["choices"][0]["message"];
  EXPECT_TRUE(message["reasoning_content"].is_string()) << answer->body();
  EXPECT_EQ(message["content"], "") << "it never closes its thinking within 20 tokens";
  EXPECT_EQ(answer->json()["usage"]["completion_tokens_details"]["reasoning_tokens"],
            answer->json()["usage"]["completion_tokens"]);
}

TEST_F(ChatModes, MetricsCountEachTokenOfAnAnswerOnce) {
  json body = short_body();
  body["model"] = "deepseek-reasoner";
  body["max_tokens"] = 20;
  const json usage = fixture_.post("/chat/completions", body)->json()["usage"];
  const int64_t reasoning = usage["completion_tokens_details"]["reasoning_tokens"];
  const int64_t rest = usage["completion_tokens"].get<int64_t>() - reasoning;
  const std::string text = fixture_.ask("GET", "/metrics", "")->body();
  const auto sample = [](const char* kind, int64_t tokens) {
    return "levin_usage_tokens_total{kind=\"" + std::string(kind) + "\"} " +
           std::to_string(tokens) + "\n";
  };
  EXPECT_GT(reasoning, 0);
  EXPECT_THAT(text, HasSubstr(sample("reasoning", reasoning)));
  EXPECT_THAT(text, HasSubstr(sample("completion", rest)));
}

TEST_F(ChatModes, TheFieldThinkingSwitchesItToo) {
  json body = short_body();
  body["max_tokens"] = 5;
  body["thinking"] = {{"type", "enabled"}};
  EXPECT_TRUE(choice_of(body)["message"].contains("reasoning_content"));
  body["model"] = "deepseek-reasoner";
  body["thinking"] = {{"type", "disabled"}};
  EXPECT_FALSE(choice_of(body)["message"].contains("reasoning_content"));
}

TEST_F(ChatModes, ThinkingStreamsBeginWithItsField) {
  json body = short_body();
  body["model"] = "deepseek-reasoner";
  body["max_tokens"] = 5;
  body["stream"] = true;
  const std::vector<json> events = fixture_.post("/chat/completions", body)->events();
  EXPECT_EQ(events.front()["choices"][0]["delta"],
            (json{{"role", "assistant"}, {"content", nullptr}, {"reasoning_content", ""}}));
  EXPECT_TRUE(events[1]["choices"][0]["delta"]["reasoning_content"].is_string());
}

TEST_F(ChatModes, StopStringsDoNotCutThinking) {
  json body = short_body();
  body["model"] = "deepseek-reasoner";
  body["max_tokens"] = 20;
  body["seed"] = 1;
  const json whole = choice_of(body);
  const std::string reasoning = whole["message"]["reasoning_content"];
  ASSERT_GT(reasoning.size(), 4U);
  body["stop"] = {reasoning.substr(2, 2), "<", "</think>"};
  EXPECT_EQ(choice_of(body), whole);
}

TEST_F(ChatModes, ThinkingHasNoLogprobs) {
  json body = short_body();
  body["model"] = "deepseek-reasoner";
  body["logprobs"] = true;
  EXPECT_EQ(refusal_of(body), "logprobs");
}

/// True if `text` is a whole JSON object, or what was written of one before the answer was cut.
bool is_object(const std::string& text, bool is_cut) {
  try {
    return json::parse(text).is_object() && !is_cut;
  } catch (const json::parse_error& error) {
    return is_cut && text.find('{') != std::string::npos && error.byte > text.size();
  }
}

// Nothing but the model ends an object of any form. Hot and with its repetitions punished, it comes
// to that in some of its answers.
TEST_F(ChatModes, AJsonObjectIsValidWhateverTheModelWouldSay) {
  json body = short_body();
  body["max_tokens"] = 800;
  body["temperature"] = 2;
  body["frequency_penalty"] = 2;
  body["response_format"] = {{"type", "json_object"}};
  bool is_cut = true;
  for (int seed = 0; seed < 20 && is_cut; ++seed) {
    body["seed"] = seed;
    const json choice = choice_of(body);
    is_cut = choice["finish_reason"] != "stop";
    EXPECT_TRUE(is_object(choice["message"]["content"], is_cut)) << choice;
  }
  EXPECT_FALSE(is_cut) << "none of 20 answers has ended";
}

TEST_F(ChatModes, ASchemaIsKept) {
  json body = short_body();
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema",
                              {{"name", "answer"},
                               {"schema",
                                {{"type", "object"},
                                 {"properties", {{"yes", {{"type", "boolean"}}}}},
                                 {"required", {"yes"}},
                                 {"additionalProperties", false}}}}}};
  const json choice = choice_of(body);
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_TRUE(json::parse(choice["message"]["content"].get<std::string>())["yes"].is_boolean());
}

TEST_F(ChatModes, ASchemaThatCannotBeKeptIsRefusedByName) {
  json body = short_body();
  body["response_format"] = {
      {"type", "json_schema"},
      {"json_schema", {{"name", "a"}, {"schema", {{"type", "object"}, {"minProperties", 3}}}}}};
  EXPECT_THAT(refusal_of(body), HasSubstr("response_format"));
}

TEST_F(ChatModes, ARequiredToolIsCalled) {
  json body = short_body();
  body["tools"] = json::array({weather_tool()});
  body["tool_choice"] = "required";
  body["max_tokens"] = 60;
  const json choice = choice_of(body);
  const json call = choice["message"]["tool_calls"].at(0);
  EXPECT_EQ(call["type"], "function");
  EXPECT_THAT(call["id"].get<std::string>(), HasSubstr("call_"));
  EXPECT_EQ(call["function"]["name"], "get_weather");
  const json arguments = json::parse(call["function"]["arguments"].get<std::string>());
  EXPECT_TRUE(arguments["city"] == "Oslo" || arguments["city"] == "Rome");
  EXPECT_TRUE(choice["message"]["content"].is_null());
}

TEST_F(ChatModes, CallsStreamInPieces) {
  json body = short_body();
  body["tools"] = json::array({weather_tool()});
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_weather"}}}};
  body["max_tokens"] = 60;
  body["stream"] = true;
  std::string name;
  std::string arguments;
  for (const json& event : fixture_.post("/chat/completions", body)->events()) {
    for (const json& choice : event["choices"]) {
      for (const json& call : choice["delta"].value("tool_calls", json::array())) {
        if (call["index"] == 0) {
          name += call["function"].value("name", "");
          arguments += call["function"].value("arguments", "");
        }
      }
    }
  }
  EXPECT_EQ(name, "get_weather");
  EXPECT_TRUE(json::parse(arguments).contains("city"));
}

TEST_F(ChatModes, TokensOfACallAreToldInNeitherForm) {
  json body = short_body();
  body["tools"] = json::array({weather_tool()});
  body["tool_choice"] = "required";
  body["max_tokens"] = 60;
  body["logprobs"] = true;
  const json choice = choice_of(body);
  EXPECT_FALSE(choice["message"]["tool_calls"].empty());
  EXPECT_EQ(choice["logprobs"]["content"], json::array());
  body["stream"] = true;
  for (const json& event : fixture_.post("/chat/completions", body)->events()) {
    EXPECT_TRUE(event["choices"].at(0)["logprobs"].is_null()) << event;
  }
}

TEST_F(ChatModes, ADeveloperMessageIsASystemMessage) {
  json body = chat_body();
  body["messages"][0]["role"] = "developer";
  EXPECT_EQ(choice_of(body)["message"]["content"], testing::kAnswer);
}

TEST(ChatModesOfOtherModels, ToolsAreRefusedByNameWhereTheTokenizerHasNoMarkers) {
  ServiceFixture plain({.model_dir = testing::markerless_folder()});
  const auto refused_field = [&plain](const json& body) -> std::string {
    const ResponderPtr answer = plain.post("/chat/completions", body);
    EXPECT_EQ(answer->status(), 422) << answer->body();
    return answer->json()["error"]["param"];
  };
  json body = short_body();
  body["max_tokens"] = 1;
  EXPECT_EQ(plain.post("/chat/completions", body)->status(), 200);
  body["tools"] = json::array({weather_tool()});
  body["tools"][0]["function"]["strict"] = false;
  for (const bool is_parallel : {true, false}) {
    body["parallel_tool_calls"] = is_parallel;
    EXPECT_EQ(refused_field(body), "tools");
  }
  body.erase("tools");
  body["messages"].push_back({{"role", "tool"}, {"tool_call_id", "1"}, {"content", "4"}});
  EXPECT_EQ(refused_field(body), "messages[2].role");
}

TEST_F(ChatModes, AllAliasesAreListed) {
  std::vector<std::string> ids;
  const json list = fixture_.ask("GET", "/models", "")->json();
  for (const json& model : list["data"]) {
    ids.push_back(model["id"]);
  }
  EXPECT_THAT(ids,
              ::testing::ElementsAre("mini", "deepseek-chat", "deepseek-reasoner", "mini:dense",
                                     "deepseek-chat:dense", "deepseek-reasoner:dense"));
}

}  // namespace
}  // namespace levin::serve::api
