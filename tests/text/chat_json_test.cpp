// Conversations in OpenAI's JSON form: what is read, and what the errors say.
#include "text/chat_json.h"

#include <gtest/gtest.h>

#include <string>

#include "test_tokenizers.h"

namespace levin::text {
namespace {

std::string error(const std::string& json) {
  return error_of([&] { (void)parse_conversation(json, "chat.json"); });
}

TEST(ChatJson, ReadsEveryMember) {
  const Conversation conversation = parse_conversation(
      R"({"model":"ignored","messages":[
          {"role":"system","content":"S","tools":[{"type":"function","function":{"name":"g"}}],
           "response_format":{"type":"object"}},
          {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":"Ann"},
          {"role":"assistant","content":null,"reasoning_content":"R","tool_calls":[
            {"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
          {"role":"tool","tool_call_id":"1","content":"T"},
          {"role":"assistant","content":"P","prefix":true}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{}}}]})",
      "");
  ASSERT_EQ(conversation.messages.size(), 5U);
  EXPECT_EQ(conversation.messages[0].role, Role::kSystem);
  EXPECT_EQ(conversation.messages[0].tools.size(), 1U);
  EXPECT_TRUE(conversation.messages[0].response_format.has_value());
  EXPECT_EQ(conversation.messages[1].content, "ab");
  EXPECT_EQ(conversation.messages[1].name, "Ann");
  EXPECT_EQ(conversation.messages[2].reasoning_content, "R");
  ASSERT_EQ(conversation.messages[2].tool_calls.size(), 1U);
  EXPECT_EQ(conversation.messages[2].tool_calls[0].id, "1");
  EXPECT_EQ(conversation.messages[3].tool_call_id, "1");
  EXPECT_TRUE(conversation.messages[4].is_prefix);
  ASSERT_EQ(conversation.tools.size(), 1U);
  EXPECT_EQ(conversation.tools[0].find("name")->text, "f");
}

TEST(ChatJson, AnArrayOfMessagesIsEnough) {
  EXPECT_EQ(parse_conversation(R"([{"role":"user","content":"Hi"}])", "").messages.size(), 1U);
}

TEST(ChatJson, ALoneSurrogateInTextBecomesTheReplacementCharacter) {
  EXPECT_EQ(parse_conversation(R"([{"role":"user","content":"a\ud83d"}])", "").messages[0].content,
            "a\xEF\xBF\xBD");
}

TEST(ChatJson, ErrorsNameTheFileAndTheKey) {
  EXPECT_EQ(error("[{"),
            "chat.json: the text is not valid JSON: a key in quotes expected at byte 2");
  EXPECT_EQ(error("\"\xFF\""), "chat.json: the JSON text is not valid UTF-8");
  EXPECT_EQ(error("3"),
            "chat.json: an array of messages or an object with the key \"messages\" expected, got "
            "an integer");
  EXPECT_EQ(error("{}"), "chat.json: the key \"messages\" is missing");
  EXPECT_EQ(error("[]"), "chat.json: messages: at least one message expected");
  EXPECT_EQ(error("[1]"), "chat.json: messages[0]: an object expected, got an integer");
  EXPECT_EQ(error(R"([{"content":"x"}])"), "chat.json: messages[0]: the key \"role\" is missing");
  EXPECT_EQ(error(R"([{"role":"robot"}])"),
            "chat.json: messages[0].role: system, developer, user, assistant or tool expected, got "
            "\"robot\"");
  EXPECT_EQ(error(R"([{"role":"user"}])"),
            "chat.json: messages[0]: the key \"content\" is missing");
  EXPECT_EQ(error(R"([{"role":"user","content":7}])"),
            "chat.json: messages[0].content: a string or an array of text parts expected, got an "
            "integer");
  EXPECT_EQ(error(R"([{"role":"user","content":[{"type":"image_url"}]}])"),
            "chat.json: messages[0].content[0]: only parts of type \"text\" are supported");
  EXPECT_EQ(error(R"([{"role":"user","content":"x","reasoning_content":"y"}])"),
            "chat.json: messages[0].reasoning_content: only an assistant's message may have it");
  EXPECT_EQ(error(R"([{"role":"assistant","prefix":true},{"role":"user","content":""}])"),
            "chat.json: messages[0].prefix: only the last message may be a prefix");
  EXPECT_EQ(error(R"([{"role":"assistant","prefix":1}])"),
            "chat.json: messages[0].prefix: true or false expected, got an integer");
  EXPECT_EQ(error(R"([{"role":"user","content":"x","tools":[]}])"),
            "chat.json: messages[0].tools: only a system or developer message may have it");
  EXPECT_EQ(error(R"([{"role":"system","response_format":"json"}])"),
            "chat.json: messages[0].response_format: an object expected, got a string");
}

TEST(ChatJson, ErrorsInToolsAndCallsNameTheKey) {
  EXPECT_EQ(
      error(R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{}}}]}])"),
      "chat.json: messages[0].tool_calls[0].function.arguments: a string expected, got an "
      "object");
  EXPECT_EQ(error(R"([{"role":"assistant","tool_calls":[{"type":"x","function":{}}]}])"),
            "chat.json: messages[0].tool_calls[0].type: only the type \"function\" is supported");
  const std::string user = R"({"messages":[{"role":"user","content":"x"}],"tools":)";
  EXPECT_EQ(error(user + "{}}"), "chat.json: tools: an array expected, got an object");
  EXPECT_EQ(error(user + "[{}]}"), "chat.json: tools[0]: the key \"function\" is missing");
  EXPECT_EQ(error(user + R"([{"function":{"name":""}}]})"),
            "chat.json: tools[0].function.name: a function needs a name");
  EXPECT_EQ(error(user + R"([{"function":{"name":"f","description":1}}]})"),
            "chat.json: tools[0].function.description: a string expected, got an integer");
}

}  // namespace
}  // namespace levin::text
