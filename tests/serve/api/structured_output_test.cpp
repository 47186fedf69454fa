// Tool calls and schemas as clients see them, in the markup of V3.1 and of V3.2 (DSML). The model's
// words make no sense; the form holds all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "service_fixture.h"

namespace levin::serve::api {
namespace {

using testing::chat_body;
using testing::dsml_folder;
using testing::json;
using testing::mini_model;
using testing::ResponderPtr;
using testing::ServiceFixture;

json function(const std::string& name, const json& properties) {
  json required = json::array();
  for (const auto& [key, value] : properties.items()) {
    required.push_back(key);
  }
  return {{"type", "function"},
          {"function",
           {{"name", name},
            {"strict", true},
            {"parameters",
             {{"type", "object"},
              {"properties", properties},
              {"required", required},
              {"additionalProperties", false}}}}}};
}

json tools_body() {
  json body = chat_body();
  body["temperature"] = 1;
  body["seed"] = 7;
  body["max_tokens"] = 250;
  body["tools"] = {function("get_weather", {{"city", {{"type", "string"}, {"maxLength", 8}}},
                                            {"days", {{"type", "integer"}, {"maximum", 9}}}}),
                   function("now", {{"zone", {{"enum", {"UTC", "local"}}}}})};
  return body;
}

/// tool_calls of a stream put together, with checks of the form of each piece.
json joined_calls(const std::vector<json>& events) {
  json calls = json::array();
  for (const json& event : events) {
    for (const json& choice : event["choices"]) {
      for (const json& piece : choice["delta"].value("tool_calls", json::array())) {
        const auto idx = piece["index"].get<size_t>();
        if (piece.contains("id")) {
          EXPECT_EQ(idx, calls.size()) << "calls begin in order";
          EXPECT_EQ(piece["type"], "function");
          calls.push_back(piece);
          continue;
        }
        EXPECT_LT(idx, calls.size());
        EXPECT_FALSE(piece["function"].contains("name"));
        json& arguments = calls[idx]["function"]["arguments"];
        arguments =
            arguments.get<std::string>() + piece["function"]["arguments"].get<std::string>();
      }
    }
  }
  return calls;
}

class StructuredOutput : public ::testing::TestWithParam<std::string (*)()> {
 protected:
  ResponderPtr ask(const json& body) { return fixture_.post("/chat/completions", body); }
  json choice_of(const json& body) {
    const ResponderPtr answer = ask(body);
    EXPECT_EQ(answer->status(), 200) << answer->body();
    return answer->json()["choices"][0];
  }

  ServiceFixture fixture_{{.model_dir = GetParam()(), .context_tokens = 2048}};
};

TEST_P(StructuredOutput, TheNamedFunctionIsCalledOnceWithArgumentsThatFit) {
  json body = tools_body();
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_weather"}}}};
  const json choice = choice_of(body);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  ASSERT_EQ(choice["message"]["tool_calls"].size(), 1U);
  const json call = choice["message"]["tool_calls"][0]["function"];
  EXPECT_EQ(call["name"], "get_weather");
  const json arguments = json::parse(call["arguments"].get<std::string>());
  EXPECT_TRUE(arguments["city"].is_string());
  EXPECT_LE(arguments["days"], 9);
}

TEST_P(StructuredOutput, StopStringsDoNotCutACall) {
  json body = tools_body();
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "get_weather"}}}};
  const json whole = choice_of(body)["message"]["tool_calls"][0]["function"];
  body["stop"] = {"\"", "<", "{"};
  json choice = choice_of(body);
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"], whole);
}

TEST_P(StructuredOutput, RequiredButNotInParallelIsOneCall) {
  json body = tools_body();
  body["tool_choice"] = "required";
  body["parallel_tool_calls"] = false;
  EXPECT_EQ(choice_of(body)["message"]["tool_calls"].size(), 1U);
}

TEST_P(StructuredOutput, AStreamBringsTheSameCallsInPieces) {
  json body = tools_body();
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "now"}}}};
  const json whole = choice_of(body)["message"]["tool_calls"];
  body["stream"] = true;
  const std::vector<json> events = ask(body)->events();
  const json joined = joined_calls(events);
  ASSERT_EQ(joined.size(), whole.size());
  EXPECT_EQ(joined[0]["function"], whole[0]["function"]);
  EXPECT_EQ(events.back()["choices"][0]["finish_reason"], "tool_calls");
  for (const json& event : events) {
    EXPECT_EQ(event["choices"][0]["delta"].value("content", ""), "") << "no markup leaks";
  }
}

TEST_P(StructuredOutput, WithoutAChoiceTheModelNeedNotCall) {
  json body = tools_body();
  body["max_tokens"] = 10;
  const json choice = choice_of(body);
  EXPECT_TRUE(choice["message"]["content"].is_string());
  EXPECT_FALSE(choice["message"].contains("tool_calls"));
}

TEST_P(StructuredOutput, AStreamOfJsonFitsItsSchema) {
  json body = chat_body();
  body["max_tokens"] = 250;
  body["stream"] = true;
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema",
                              {{"name", "a"},
                               {"schema",
                                {{"type", "array"},
                                 {"items", {{"enum", {"x", "y"}}}},
                                 {"minItems", 2},
                                 {"maxItems", 3}}}}}};
  std::string content;
  const std::vector<json> events = ask(body)->events();
  for (const json& event : events) {
    content += event["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(events.back()["choices"][0]["finish_reason"], "stop");
  EXPECT_THAT(json::parse(content).size(), ::testing::AllOf(::testing::Ge(2U), ::testing::Le(3U)));
}

TEST_P(StructuredOutput, ASchemaIsRefusedByTheToolsOwnPlace) {
  json body = tools_body();
  body["tools"][1]["function"]["parameters"]["properties"]["zone"] = {{"type", "string"},
                                                                      {"format", "zone"}};
  body["tool_choice"] = {{"type", "function"}, {"function", {{"name", "now"}}}};
  const ResponderPtr answer = ask(body);
  EXPECT_EQ(answer->status(), 422);
  const json error = answer->json()["error"];
  EXPECT_EQ(error["param"], "tools[1].function.parameters");
  EXPECT_THAT(error["message"].get<std::string>(),
              ::testing::HasSubstr("tools[1].function.parameters#/properties/zone/format: the "
                                   "format \"zone\" is not supported"));
}

TEST_P(StructuredOutput, ASchemaThatNoValueFitsIsRefusedByItsPlace) {
  const json none = {{"type", "integer"}, {"minimum", 5}, {"maximum", 4}};
  json body = chat_body();
  body["response_format"] = {{"type", "json_schema"},
                             {"json_schema", {{"name", "a"}, {"schema", none}}}};
  json error = ask(body)->json()["error"];
  EXPECT_EQ(error["param"], "response_format.json_schema.schema");
  EXPECT_EQ(error["code"], "invalid_schema");
  body = tools_body();
  body["tools"] = json::array({function("get_weather", {{"days", none}})});
  body["tool_choice"] = "required";
  error = ask(body)->json()["error"];
  EXPECT_EQ(error["param"], "tools[0].function.parameters");
  EXPECT_EQ(error["code"], "invalid_schema");
}

INSTANTIATE_TEST_SUITE_P(Markup, StructuredOutput, ::testing::Values(&mini_model, &dsml_folder),
                         [](const auto& markup) { return markup.index == 0 ? "V31" : "Dsml"; });

}  // namespace
}  // namespace levin::serve::api
