// The templates of V3.1 and V3.2-Exp, after the model card and the released tokenizer_config.json.
#include "text/chat_v31.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "test_tokenizers.h"
#include "text/chat_json.h"

namespace levin::text {
namespace {

using ::testing::HasSubstr;

std::string rendered(const std::string& json, bool is_thinking = false,
                     V31Template variant = V31Template::kV31) {
  ChatOptions options;
  options.is_thinking = is_thinking;
  return encode_chat_v31(parse_conversation(json, ""), options, variant).text();
}

std::string rendered_exp(const std::string& json, bool is_thinking = false) {
  return rendered(json, is_thinking, V31Template::kV32Exp);
}

const std::string kCardExample = R"([{"role":"system","content":"You are a helpful assistant"},
  {"role":"user","content":"Who are you?"},
  {"role":"assistant","content":"<think>Hmm</think>I am DeepSeek"},
  {"role":"user","content":"1+1=?"}])";

TEST(ChatV31, TheModelCardsExampleInBothModes) {
  const std::string head =
      kBos +
      "You are a helpful assistant<｜User｜>Who are you?<｜Assistant｜></think>"
      "I am DeepSeek" +
      kEos + "<｜User｜>1+1=?<｜Assistant｜>";
  EXPECT_EQ(rendered(kCardExample, true), head + "<think>");
  EXPECT_EQ(rendered(kCardExample, false), head + "</think>");
  EXPECT_EQ(rendered_exp(kCardExample, true), head + "<think>");
  EXPECT_EQ(rendered_exp(kCardExample, false), head + "</think>");
}

TEST(ChatV31, SystemMessagesAreJoinedInFront) {
  EXPECT_EQ(rendered(R"([{"role":"system","content":"A"},{"role":"user","content":"Hi"},
                         {"role":"system","content":"B"}])"),
            kBos + "A\n\nB<｜User｜>Hi<｜Assistant｜></think>");
}

TEST(ChatV31, ToolsAndCallsAreWrittenAsTheModelCardSays) {
  const std::string text = rendered(
      R"({"messages":[{"role":"system","content":"S"},{"role":"user","content":"weather?"},
          {"role":"assistant","content":null,"tool_calls":[
            {"id":"1","type":"function","function":{"name":"get_weather","arguments":"{\"location\": \"Hangzhou\"}"}},
            {"id":"2","type":"function","function":{"name":"get_time","arguments":"{}"}}]},
          {"role":"tool","tool_call_id":"1","content":"24℃"},
          {"role":"tool","tool_call_id":"2","content":"noon"},
          {"role":"assistant","content":"Warm."},
          {"role":"user","content":"Thanks"}],
        "tools":[{"type":"function","function":{"name":"get_weather","description":"天气",
                  "parameters":{"type":"object","properties":{"n":{"default":1e-5}}}}},
                 {"type":"function","function":{"name":"get_time"}}]})");
  EXPECT_EQ(
      text,
      kBos +
          "S\n\n## Tools\nYou have access to the following tools:\n"
          "\n### get_weather\nDescription: 天气\n\nParameters: {\"type\": \"object\", "
          "\"properties\": {\"n\": {\"default\": 1e-05}}}\n"
          "\n### get_time\nDescription: \n\nParameters: {}\n"
          "\nIMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
          "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>"
          "tool_call_arguments<｜tool▁call▁end｜>{{additional_tool_calls}}"
          "<｜tool▁calls▁end｜>\n\nWhere:\n\n"
          "- `tool_call_name` must be an exact match to one of the available tools\n"
          "- `tool_call_arguments` must be valid JSON that strictly follows the tool's "
          "Parameters Schema\n"
          "- For multiple tool calls, chain them directly without separators or spaces\n"
          "<｜User｜>weather?<｜Assistant｜></think><｜tool▁calls▁begin｜>"
          "<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"location\": \"Hangzhou\"}"
          "<｜tool▁call▁end｜><｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{}<｜tool▁call▁end｜>"
          "<｜tool▁calls▁end｜>" +
          kEos +
          "<｜tool▁output▁begin｜>24℃<｜tool▁output▁end｜>"
          "<｜tool▁output▁begin｜>noon<｜tool▁output▁end｜>Warm." +
          kEos + "<｜User｜>Thanks<｜Assistant｜></think>");
}

TEST(ChatV31, AfterToolOutputsTheModelGoesOnDirectly) {
  const std::string json = R"([{"role":"user","content":"q"},
    {"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},
    {"role":"tool","content":"r"}])";
  EXPECT_TRUE(rendered(json).ends_with("r<｜tool▁output▁end｜>"));
  EXPECT_TRUE(rendered_exp(json).ends_with("r<｜tool▁output▁end｜>"));
}

TEST(ChatV31, APrefixIsLeftOpen) {
  const std::string head = kBos + "<｜User｜>Hi<｜Assistant｜>";
  const std::string user = R"([{"role":"user","content":"Hi"},{"role":"assistant","prefix":true,)";
  for (const V31Template variant : {V31Template::kV31, V31Template::kV32Exp}) {
    EXPECT_EQ(rendered(user + R"("content":"He"}])", false, variant), head + "</think>He");
    EXPECT_EQ(rendered(user + R"("content":"hm"}])", true, variant), head + "<think>hm");
    EXPECT_EQ(rendered(user + R"("content":"","reasoning_content":"hm"}])", true, variant),
              head + "<think>hm");
    EXPECT_EQ(rendered(user + R"("content":"He","reasoning_content":"hm"}])", true, variant),
              head + "<think>hm</think>He");
  }
}

TEST(ChatV31, AfterAPlainAnswerOnlyV32ExpAsksAgain) {
  const std::string json =
      R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"}])";
  const std::string text = kBos + "<｜User｜>Hi<｜Assistant｜></think>Yo" + kEos;
  EXPECT_EQ(rendered(json, true), text);
  EXPECT_EQ(rendered_exp(json, true), text + "<｜Assistant｜><think>");
}

TEST(ChatV31, AfterSystemMessagesAloneOnlyV32ExpAsks) {
  const std::string system = R"([{"role":"system","content":"S"})";
  EXPECT_EQ(rendered(system + "]"), kBos + "S");
  EXPECT_EQ(rendered_exp(system + "]"), kBos + "S<｜Assistant｜></think>");
  const std::string calls =
      system +
      R"(,{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"r"}])";
  EXPECT_THAT(rendered(calls), HasSubstr("S<｜tool▁calls▁begin｜>"));
  EXPECT_THAT(rendered_exp(calls), HasSubstr("S<｜Assistant｜></think><｜tool▁calls▁begin｜>"));
}

TEST(ChatV31, WithoutGenerationPromptOrBosNeitherIsWritten) {
  ChatOptions options;
  options.add_generation_prompt = false;
  options.add_bos = false;
  const Conversation conversation = parse_conversation(R"([{"role":"user","content":"Hi"}])", "");
  EXPECT_EQ(encode_chat_v31(conversation, options, V31Template::kV31).text(), "<｜User｜>Hi");
}

TEST(ChatV31, ADeveloperMessageIsASystemMessage) {
  const std::string rest =
      R"(","content":"A","tools":[{"function":{"name":"f"}}]},{"role":"user","content":"Hi"}])";
  for (const V31Template variant : {V31Template::kV31, V31Template::kV32Exp}) {
    const std::string system = rendered(R"([{"role":"system)" + rest, false, variant);
    EXPECT_THAT(system, HasSubstr(kBos + "A\n\n## Tools"));
    EXPECT_EQ(rendered(R"([{"role":"developer)" + rest, false, variant), system);
  }
  EXPECT_EQ(rendered(R"([{"role":"system","content":"A"},{"role":"developer","content":"B"},
                         {"role":"user","content":"Hi"}])"),
            kBos + "A\n\nB<｜User｜>Hi<｜Assistant｜></think>");
}

}  // namespace
}  // namespace levin::text
