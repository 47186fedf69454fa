// DSML against the official vectors (tests/data/text/chat) and the rules of the specification.
#include "text/chat_v32.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "test_tokenizers.h"
#include "text/chat_json.h"

namespace levin::text {
namespace {

using ::testing::HasSubstr;

std::string expected_prompt(const std::string& name) {
  std::string text = text_data("chat/" + name);
  if (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

Conversation official(const std::string& name) {
  return parse_conversation(text_data("chat/" + name), name);
}

ChatOptions thinking() {
  ChatOptions options;
  options.is_thinking = true;
  return options;
}

std::string rendered_dsml(const std::string& json, const ChatOptions& options) {
  return encode_chat_v32(parse_conversation(json, ""), options).text();
}

TEST(ChatV32, ToolConversationEqualsTheOfficialVector) {
  EXPECT_EQ(encode_chat_v32(official("test_input.json"), thinking()).text(),
            expected_prompt("test_output.txt"));
}

TEST(ChatV32, SearchConversationEqualsTheOfficialVector) {
  EXPECT_EQ(encode_chat_v32(official("test_input_search_w_date.json"), thinking()).text(),
            expected_prompt("test_output_search_w_date.txt"));
}

/// Message `idx` of the official conversation alone, with those before it as context.
std::string rendered_alone(Conversation conversation, size_t idx) {
  conversation.messages.resize(idx + 1);
  ChatOptions options = thinking();
  options.context_messages = idx;
  return encode_chat_v32(conversation, options).text();
}

TEST(ChatV32, ACompletionWithCallsIsParsedBack) {
  const Conversation conversation = official("test_input.json");
  const ChatMessage parsed = parse_completion_v32(rendered_alone(conversation, 4), true);
  const ChatMessage& original = conversation.messages[4];
  EXPECT_EQ(parsed.reasoning_content, original.reasoning_content);
  EXPECT_EQ(parsed.content, "");
  ASSERT_EQ(parsed.tool_calls.size(), 2U);
  for (size_t idx = 0; idx < 2; ++idx) {
    EXPECT_EQ(parsed.tool_calls[idx].id, "");
    EXPECT_EQ(parsed.tool_calls[idx].name, original.tool_calls[idx].name);
    EXPECT_EQ(parsed.tool_calls[idx].arguments, original.tool_calls[idx].arguments);
  }
}

TEST(ChatV32, ACompletionWithAnAnswerIsParsedBack) {
  const Conversation conversation = official("test_input.json");
  const size_t idx = conversation.messages.size() - 6;
  const ChatMessage parsed = parse_completion_v32(rendered_alone(conversation, idx), true);
  EXPECT_EQ(parsed.reasoning_content, conversation.messages[idx].reasoning_content);
  EXPECT_EQ(parsed.content, conversation.messages[idx].content);
  EXPECT_TRUE(parsed.tool_calls.empty());
}

TEST(ChatV32, APromptIsItsContextAndTheRest) {
  const Conversation whole = official("test_input.json");
  const std::string all = encode_chat_v32(whole, thinking()).text();
  for (size_t count = 9; count < whole.messages.size(); ++count) {  // the last user's is 8
    ChatOptions rest = thinking();
    rest.context_messages = count;
    Conversation context = whole;
    context.messages.resize(count);
    EXPECT_EQ(encode_chat_v32(context, thinking()).text() + encode_chat_v32(whole, rest).text(),
              all);
  }
}

TEST(ChatV32, ChatModeClosesTheThinking) {
  EXPECT_EQ(rendered_dsml(
                R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}])", {}),
            std::string(kBos) + "Be brief.<｜User｜>Hi<｜Assistant｜></think>");
}

TEST(ChatV32, ThinkingOfEarlierRoundsIsLeftOut) {
  EXPECT_EQ(rendered_dsml(R"([{"role":"user","content":"Hi"},
                         {"role":"assistant","reasoning_content":"greet","content":"Hello"},
                         {"role":"user","content":"2+2?"}])",
                          thinking()),
            std::string(kBos) + "<｜User｜>Hi<｜Assistant｜></think>Hello" + kEos +
                "<｜User｜>2+2?<｜Assistant｜><think>");
}

TEST(ChatV32, EarlierDeveloperMessagesVanishUnlessTheyAreKept) {
  const std::string json = R"([{"role":"developer","content":"rules"},
                               {"role":"assistant","content":"ok"},
                               {"role":"user","content":"go"}])";
  EXPECT_EQ(rendered_dsml(json, thinking()),
            std::string(kBos) + "ok" + kEos + "<｜User｜>go<｜Assistant｜><think>");
  ChatOptions keep = thinking();
  keep.drop_thinking = false;
  EXPECT_THAT(rendered_dsml(json, keep), HasSubstr("# The user's message is: rules"));
}

TEST(ChatV32, ToolsWithoutASystemMessageGetAnEmptyOne) {
  const std::string text = rendered_dsml(
      R"({"messages":[{"role":"user","content":"Hi"}],
          "tools":[{"type":"function","function":{"name":"f"}}]})",
      {});
  EXPECT_TRUE(text.starts_with(std::string(kBos) + "\n\n## Tools\n\n"));
  EXPECT_THAT(text, HasSubstr("<functions>\n{\"name\": \"f\"}\n</functions>\n<｜User｜>Hi"));
}

TEST(ChatV32, AResponseFormatFollowsTheSystemText) {
  EXPECT_EQ(rendered_dsml(R"([{"role":"system","content":"S","response_format":{"a":[1,2.0,1e5]}},
                         {"role":"user","content":"Hi"}])",
                          {}),
            std::string(kBos) +
                "S\n\n## Response Format:\n\nYou MUST strictly adhere to the following schema to "
                "reply:\n{\"a\": [1, 2.0, 100000.0]}<｜User｜>Hi<｜Assistant｜></think>");
}

TEST(ChatV32, ArgumentsBecomeParametersInTheirOrder) {
  const std::string text = rendered_dsml(
      R"([{"role":"user","content":"Hi"},
          {"role":"assistant","tool_calls":[{"function":{"name":"f",
            "arguments":"{\"b\":\"<raw> \\\"text\\\"\",\"a\":{\"x\":[1,null]},\"n\":123456789012345678901}"}}]}])",
      {});
  EXPECT_THAT(text, HasSubstr("<｜DSML｜invoke name=\"f\">\n"
                              "<｜DSML｜parameter name=\"b\" string=\"true\"><raw> \"text\""
                              "</｜DSML｜parameter>\n"
                              "<｜DSML｜parameter name=\"a\" string=\"false\">{\"x\": [1, null]}"
                              "</｜DSML｜parameter>\n"
                              "<｜DSML｜parameter name=\"n\" string=\"false\">"
                              "123456789012345678901</｜DSML｜parameter>\n"
                              "</｜DSML｜invoke>\n</｜DSML｜function_calls>"));
}

TEST(ChatV32, ACallWithoutArgumentsIsParsedBack) {
  Conversation conversation = parse_conversation(
      R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"A",
           "tool_calls":[{"function":{"name":"now","arguments":"{}"}}]}])",
      "");
  ChatOptions options;
  options.context_messages = 1;
  const std::string completion = encode_chat_v32(conversation, options).text();
  const ChatMessage parsed = parse_completion_v32(completion, false);
  EXPECT_EQ(parsed.content, "A");
  ASSERT_EQ(parsed.tool_calls.size(), 1U);
  EXPECT_EQ(parsed.tool_calls[0].name, "now");
  EXPECT_EQ(parsed.tool_calls[0].arguments, "{}");
}

TEST(ChatV32, AHundredThousandCallsHaveTheirResults) {
  constexpr size_t kCalls = 100'000;
  Conversation conversation;
  conversation.messages.resize(2 + kCalls);
  conversation.messages[0].role = Role::kUser;
  conversation.messages[1].role = Role::kAssistant;
  conversation.messages[1].tool_calls.assign(kCalls, {"", "f", "{}"});
  for (size_t idx = 0; idx < kCalls; ++idx) {
    conversation.messages[2 + idx].role = Role::kTool;
    conversation.messages[2 + idx].content = std::to_string(idx);
  }
  const std::string text = encode_chat_v32(conversation, {}).text();
  EXPECT_EQ(text.find("<function_results>"), text.rfind("<function_results>"));
  EXPECT_TRUE(text.ends_with("<result>99999</result>\n</function_results>\n\n</think>"));
}

TEST(ChatV32, TheValuesOfArgumentsAreBounded) {
  Conversation conversation;
  conversation.messages.resize(1);
  conversation.messages[0].role = Role::kAssistant;
  std::string arguments = "{\"a\":[0";
  for (int count = 0; count < 1'000'000; ++count) {
    arguments += ",0";
  }
  conversation.messages[0].tool_calls = {{"", "f", arguments + "]}"}};
  EXPECT_EQ(error_of([&] { (void)encode_chat_v32(conversation, {}); }),
            "messages[0].tool_calls[0].function.arguments: the JSON text has more than 1000000 "
            "values");
}

TEST(ChatV32, APrefixIsLeftOpen) {
  const std::string head = std::string(kBos) + "<｜User｜>Hi<｜Assistant｜>";
  const std::string user = R"([{"role":"user","content":"Hi"},{"role":"assistant","prefix":true,)";
  EXPECT_EQ(rendered_dsml(user + R"("content":"He"}])", {}), head + "</think>He");
  EXPECT_EQ(rendered_dsml(user + R"("content":"","reasoning_content":"hm"}])", thinking()),
            head + "<think>hm");
  EXPECT_EQ(rendered_dsml(user + R"("content":"He","reasoning_content":"hm"}])", thinking()),
            head + "<think>hm</think>He");
}

TEST(ChatV32, WrongConversationsAreRefusedByMessage) {
  const auto error = [](const std::string& json) {
    return error_of([&] { (void)rendered_dsml(json, thinking()); });
  };
  EXPECT_EQ(error(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])"),
            "messages[1]: in thinking mode an assistant's message after the last user's needs "
            "reasoning_content or tool_calls");
  EXPECT_EQ(error(R"([{"role":"user","content":"a"},{"role":"tool","content":"b"}])"),
            "messages[1]: a tool message must follow an assistant's message with tool_calls");
  EXPECT_EQ(error(R"([{"role":"developer","content":""}])"),
            "messages[0]: a developer message needs content");
  const std::string call =
      R"([{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":)";
  EXPECT_EQ(
      error(call + R"("{}"}}]},{"role":"tool","content":"1"},{"role":"tool","content":"2"}])"),
      "messages[3]: this is tool result 2, but the assistant's message has 1 tool_calls");
  EXPECT_EQ(error(call + R"("[1]"}}]}])"),
            "messages[1].tool_calls[0].function.arguments: a JSON object expected, got an array");
  EXPECT_EQ(error(call + R"("{"}}]}])"),
            "messages[1].tool_calls[0].function.arguments: the text is not valid JSON: a key in "
            "quotes expected at byte 1");
}

TEST(ChatV32, WrongCompletionsAreRefused) {
  const auto error = [](const std::string& text, bool is_thinking = false) {
    return error_of([&] { (void)parse_completion_v32(text, is_thinking); });
  };
  const std::string eos = kEos;
  const std::string begin = "\n\n<｜DSML｜function_calls>\n";
  const std::string end = "</｜DSML｜function_calls>";
  const std::string value = "<｜DSML｜parameter name=\"k\" string=\"true\">v</｜DSML｜parameter>\n";
  const std::string invoke = "<｜DSML｜invoke name=\"f\">\n";
  const std::string invoke_end = "</｜DSML｜invoke>\n";
  EXPECT_EQ(error("Hello" + eos), "");
  EXPECT_EQ(error(begin + invoke + value + invoke_end + end + eos), "");
  EXPECT_EQ(error("Hell\xF0" + eos), "completion: the text is not valid UTF-8");
  EXPECT_EQ(error("Hello"), "completion: the end-of-sentence token is missing");
  EXPECT_EQ(error("Hello" + eos + "x"), "completion: text follows the end-of-sentence token");
  EXPECT_EQ(error("hm" + eos, true),
            "completion: the thinking must end with </think> before anything else");
  EXPECT_EQ(error("hm" + begin + end + "</think>" + eos, true),
            "completion: the thinking must end with </think> before anything else");
  EXPECT_EQ(error("a<think>b" + eos), "completion: the markup <think> stands inside the text");
  EXPECT_EQ(error(begin + invoke + value + value + invoke_end + end + eos),
            "completion: a call has two parameters of the same name");
  EXPECT_EQ(error(begin + invoke + value + invoke_end + end + "x" + eos),
            "completion: after the calls only the end-of-sentence token may follow");
  EXPECT_EQ(error(begin + invoke + value + eos), "completion: a call does not end");
  EXPECT_EQ(error(begin + invoke + "<｜DSML｜parameter name=\"k\" string=\"true\">v"),
            "completion: a parameter does not end");
  EXPECT_EQ(error(begin + "<｜DSML｜invoke f>\n" + invoke_end + end + eos),
            "completion: a call must begin with name=\"NAME\"> and a newline");
  EXPECT_EQ(error(begin + invoke + "<｜DSML｜parameter k>v</｜DSML｜parameter>\n" + invoke_end),
            "completion: a parameter must read name=\"KEY\" string=\"true|false\">value");
  EXPECT_EQ(error(begin + "words" + end + eos),
            "completion: a block of calls must hold calls, each on lines of its own, and its end "
            "tag");
}

}  // namespace
}  // namespace levin::text
