// The parser of outputs reads back what the templates write.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "text/chat_v31.h"
#include "text/chat_v32.h"
#include "text/output_parser.h"
#include "text/prompt.h"
#include "text/python_json.h"

namespace levin::text {
namespace {

using Kind = OutputEvent::Kind;

OutputOptions reading(ChatStyle style, bool is_thinking = false) {
  return {style, is_thinking, true};
}

/// A message put together again from events; ids of calls are empty.
ChatMessage as_message(const std::vector<OutputEvent>& events) {
  ChatMessage message;
  message.role = Role::kAssistant;
  for (const OutputEvent& event : events) {
    switch (event.kind) {
      case Kind::kReasoning:
        message.reasoning_content += event.text;
        break;
      case Kind::kContent:
        message.content += event.text;
        break;
      case Kind::kCallBegin:
        message.tool_calls.push_back({"", event.text, ""});
        break;
      case Kind::kArguments:
        message.tool_calls.back().arguments += event.text;
        break;
      case Kind::kCallEnd:
        break;
    }
  }
  return message;
}

void expect_same(const ChatMessage& left, const ChatMessage& right) {
  EXPECT_EQ(left.reasoning_content, right.reasoning_content);
  EXPECT_EQ(left.content, right.content);
  ASSERT_EQ(left.tool_calls.size(), right.tool_calls.size());
  for (size_t idx = 0; idx < left.tool_calls.size(); ++idx) {
    EXPECT_EQ(left.tool_calls[idx].name, right.tool_calls[idx].name);
    EXPECT_EQ(left.tool_calls[idx].arguments, right.tool_calls[idx].arguments);
  }
}

/// An assistant message with calls, some of their strings full of things that look like tags.
ChatMessage random_message(uint64_t seed) {
  static const std::vector<std::string> pieces = {
      "a", "<", "</", "\n\n", "｜", "\"", "\\", "漢", "😀", " ", "{}", "</｜DSML｜invoke"};
  uint64_t counter = 0;
  const auto pick = [&](uint64_t count) { return base::random_bits(seed, counter++) % count; };
  // The last piece stands in strings alone: the strict parser refuses it elsewhere.
  const auto text = [&](bool has_tags) {
    std::string made;
    for (uint64_t piece = pick(5); piece > 0; --piece) {
      made += pieces[pick(pieces.size() - (has_tags ? 0 : 1))];
    }
    return made;
  };
  ChatMessage message;
  message.role = Role::kAssistant;
  message.reasoning_content = "think " + text(false);
  message.content = "say " + text(false);
  for (uint64_t call = 1 + pick(3); call > 0; --call) {
    std::string arguments;
    for (uint64_t key = pick(4); key > 0; --key) {
      const std::string value = pick(2) == 0 ? write_python_json_string(text(true))
                                             : std::string("[1, {\"x\": null}, 2.5]");
      arguments += (arguments.empty() ? "" : ", ");
      arguments += "\"key" + std::to_string(key) + "\": " + value;
    }
    message.tool_calls.push_back({"", "tool_" + std::to_string(call), "{" + arguments + "}"});
  }
  return message;
}

/// What `encode` writes for an assistant message, without the prompt before it and EOS.
template <typename Encode>
std::string written(const ChatMessage& message, const std::string& after, Encode&& encode) {
  Conversation conversation;
  conversation.messages.resize(1);
  conversation.messages.front().content = "do";
  conversation.messages.push_back(message);
  const std::string text = encode(conversation).text();
  const size_t begin = text.find(after) + after.size();
  return text.substr(begin, text.size() - begin - markup::kEos.size());
}

TEST(OutputParserTemplates, ReadsBackWhatTheV31TemplateWrites) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    ChatMessage message = random_message(seed);
    message.reasoning_content.clear();
    const std::string text = written(message, "</think>", [](const Conversation& conversation) {
      return encode_chat_v31(conversation, {}, V31Template::kV31);
    });
    expect_same(as_message(parse_output(text, reading(ChatStyle::kV31))), message);
  }
}

TEST(OutputParserTemplates, EqualsTheStrictParserOfV32) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    ChatOptions thinking;
    thinking.is_thinking = true;
    const std::string text = written(
        random_message(seed), "<think>",
        [&](const Conversation& conversation) { return encode_chat_v32(conversation, thinking); });
    const ChatMessage strict = parse_completion_v32(text + std::string(markup::kEos), true);
    expect_same(as_message(parse_output(text, reading(ChatStyle::kV32, true))), strict);
  }
}

}  // namespace
}  // namespace levin::text
