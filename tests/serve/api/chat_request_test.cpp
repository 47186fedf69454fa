// Which chat requests are taken, and what the others are told.
#include "serve/api/chat_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

json minimal() {
  return {{"model", "deepseek-chat"}, {"messages", {{{"role", "user"}, {"content", "Hi"}}}}};
}

json with(const std::string& key, const json& value) {
  json body = minimal();
  body[key] = value;
  return body;
}

json tool(const json& name) {
  return {{"type", "function"}, {"function", {{"name", name}, {"description", "d"}}}};
}

/// The param that the refusal names; "" if the body is accepted.
std::string refused_param(const json& body) {
  try {
    (void)parse_chat_request(body.dump());
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 422) << error.what();
    EXPECT_FALSE(error.fields().param.empty()) << error.what();
    return error.fields().param;
  }
  return {};
}

TEST(ChatRequest, DefaultsAreThoseOfTheDocumentation) {
  const ChatRequest request = parse_chat_request(minimal().dump());
  EXPECT_EQ(request.common.model, "deepseek-chat");
  EXPECT_EQ(request.common.sampling.temperature, 1.0);
  EXPECT_EQ(request.common.sampling.top_p, 1.0);
  EXPECT_FALSE(request.common.max_tokens.has_value());
  EXPECT_FALSE(request.common.streams);
  EXPECT_FALSE(request.is_thinking.has_value());
  EXPECT_EQ(request.tool_choice.kind, ToolChoice::Kind::kNone);
  EXPECT_EQ(request.response_format.kind, ResponseFormat::Kind::kText);
}

TEST(ChatRequest, EveryParameterIsRead) {
  json body = minimal();
  body.update({{"temperature", 0.5},
               {"top_p", 0.9},
               {"frequency_penalty", -2},
               {"presence_penalty", 2},
               {"max_tokens", 7},
               {"stop", {"a", "b"}},
               {"seed", -3},
               {"stream", true},
               {"stream_options", {{"include_usage", true}, {"include_progress", true}}},
               {"logprobs", true},
               {"top_logprobs", 20},
               {"thinking", {{"type", "enabled"}}},
               {"tools", json::array({tool("f"), tool("g")})},
               {"tool_choice", {{"type", "function"}, {"function", {{"name", "g"}}}}}});
  const ChatRequest request = parse_chat_request(body.dump());
  EXPECT_EQ(request.common.sampling.temperature, 0.5);
  EXPECT_EQ(request.common.sampling.frequency_penalty, -2);
  EXPECT_EQ(request.common.sampling.seed, static_cast<uint64_t>(-3));
  EXPECT_EQ(request.common.max_tokens, 7);
  EXPECT_THAT(request.common.stop, ElementsAre("a", "b"));
  EXPECT_TRUE(request.common.include_usage);
  EXPECT_TRUE(request.common.include_progress);
  EXPECT_EQ(request.top_logprobs, 20);
  EXPECT_EQ(request.is_thinking, true);
  EXPECT_EQ(request.conversation.tools.size(), 2U);
  EXPECT_EQ(request.tool_choice.function, "g");
}

TEST(ChatRequest, AFormatIsRead) {
  EXPECT_EQ(parse_chat_request(with("response_format", {{"type", "json_object"}}).dump())
                .response_format.kind,
            ResponseFormat::Kind::kJsonObject);
}

TEST(ChatRequest, ToolChoiceIsAutoWithToolsAlone) {
  EXPECT_EQ(parse_chat_request(with("tools", json::array({tool("f")})).dump()).tool_choice.kind,
            ToolChoice::Kind::kAuto);
}

TEST(ChatRequest, ParallelCallsMayBeForbidden) {
  json body = with("tools", json::array({tool("f")}));
  EXPECT_TRUE(parse_chat_request(body.dump()).allows_parallel_calls);
  body["parallel_tool_calls"] = false;
  EXPECT_FALSE(parse_chat_request(body.dump()).allows_parallel_calls);
}

TEST(ChatRequest, MaxCompletionTokensIsTheNewerName) {
  EXPECT_EQ(parse_chat_request(with("max_completion_tokens", 9).dump()).common.max_tokens, 9);
}

TEST(ChatRequest, WhatIsOutOfRangeIsNamed) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, json>>{{"temperature", 2.1},
                                                 {"temperature", "1"},
                                                 {"top_p", 0},
                                                 {"top_p", 1.5},
                                                 {"max_tokens", 0},
                                                 {"max_tokens", 1.0},
                                                 {"max_tokens", 1e300},
                                                 {"frequency_penalty", 3},
                                                 {"presence_penalty", -3},
                                                 {"stop", ""},
                                                 {"stop", json::array({1})},
                                                 {"stop", json::array({"x", ""})},
                                                 {"stop", std::string(1025, 'x')},
                                                 {"stop", {"x", std::string(1025, 'x')}},
                                                 {"stop", json(std::vector<std::string>(17, "x"))},
                                                 {"seed", "x"},
                                                 {"stream", 1},
                                                 {"stream_options", {{"include_usage", true}}},
                                                 {"top_logprobs", 5},
                                                 {"logprobs", 5},
                                                 {"model", ""},
                                                 {"tool_choice", "required"},
                                                 {"tool_choice", "always"},
                                                 {"tools", std::vector<json>(129, tool("f"))},
                                                 {"n", 2},
                                                 {"logit_bias", {{"5", 1}}},
                                                 {"modalities", {"text", "audio"}},
                                                 {"modalities", {"audio"}},
                                                 {"modalities", "text"},
                                                 {"functions", {{{"name", "f"}}}}}) {
    EXPECT_EQ(refused_param(with(key, value)), key) << value;
  }
}

TEST(ChatRequest, WhatIsWrongInsideIsNamedWithItsPath) {
  EXPECT_EQ(refused_param(with("messages", json::array())), "messages");
  EXPECT_EQ(refused_param(with("messages", {{{"role", "robot"}, {"content", ""}}})),
            "messages[0].role");
  EXPECT_EQ(refused_param(with("messages", {{{"role", "user"}, {"content", 5}}})),
            "messages[0].content");
  EXPECT_EQ(refused_param(with("tools", json::array({tool("no spaces")}))),
            "tools[0].function.name");
  EXPECT_EQ(refused_param(with("tools", json::array({tool("f"), tool("f")}))),
            "tools[1].function.name");
  EXPECT_EQ(refused_param(with("thinking", {{"type", "maybe"}})), "thinking.type");
  EXPECT_EQ(refused_param(with("response_format", {{"type", "xml"}})), "response_format.type");
  EXPECT_EQ(refused_param(with("response_format", {{"type", "json_schema"}})),
            "response_format.json_schema.schema");
  EXPECT_EQ(refused_param(json{{"model", "m"}}), "messages");
}

TEST(ChatRequest, WhatBelongsBesideTheMessagesIsRefusedInOne) {
  json message = {{"role", "system"}, {"content", "x"}};
  message["tools"] = json::array({{{"type", "function"}, {"function", {{"name", "f"}}}}});
  EXPECT_EQ(refused_param(with("messages", json::array({message}))), "messages[0].tools");
  message.erase("tools");
  message["response_format"] = {{"type", "json_object"}};
  EXPECT_EQ(refused_param(with("messages", json::array({message}))), "messages[0].response_format");
}

TEST(ChatRequest, StopStringsContradictAFormat) {
  json body = with("stop", {","});
  body["response_format"] = {{"type", "json_object"}};
  EXPECT_EQ(refused_param(body), "stop");
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema", {{"schema", json::object()}}}};
  EXPECT_EQ(refused_param(body), "stop");
  body["response_format"] = {{"type", "text"}};
  EXPECT_EQ(refused_param(body), "");
  body["response_format"] = {{"type", "json_object"}};
  body["stop"] = json::array();
  EXPECT_EQ(refused_param(body), "");
}

TEST(ChatRequest, WhatAsksForNothingNewIsAccepted) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, json>>{{"n", 1},
                                                 {"user", "someone"},
                                                 {"store", false},
                                                 {"logit_bias", json::object()},
                                                 {"modalities", {"text"}},
                                                 {"stop", nullptr},
                                                 {"stop", {"x", std::string(1024, 'x')}},
                                                 {"temperature", nullptr},
                                                 {"tools", json::array()},
                                                 {"stream_options", nullptr},
                                                 {"made_up_by_a_client", {1, 2}}}) {
    EXPECT_EQ(refused_param(with(key, value)), "") << key;
  }
}

}  // namespace
}  // namespace levin::serve::api
