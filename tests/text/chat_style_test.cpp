// The choice of a chat encoding, the plain forms, and that content never turns into markup.
#include "text/chat_style.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "formats/temporary_folder.h"
#include "test_tokenizers.h"
#include "text/chat_json.h"

namespace levin::text {
namespace {

namespace fs = std::filesystem;

const std::string kBos = "<｜begin▁of▁sentence｜>";
const std::string kEos = "<｜end▁of▁sentence｜>";

std::string rendered(const std::string& json, ChatStyle style, const ChatOptions& options = {}) {
  return encode_chat(parse_conversation(json, ""), options, style).text();
}

/// A model folder in the making.
class TempFolder : public levin::testing::TemporaryFolder {
 public:
  void write(const std::string& name, const std::string& content) const {
    base::write_file_atomically(file(name), content);
  }
  void make_folder(const std::string& name) const { fs::create_directories(file(name)); }
};

TEST(ChatStyle, ATokenizerWithoutThinkingGetsMarkers) {
  const TempFolder folder;
  folder.write("config.json", R"({"model_type":"deepseek_v32"})");
  EXPECT_EQ(choose_chat_style(folder.path(), mini_tokenizer()), ChatStyle::kMarkers);
}

TEST(ChatStyle, TheFolderDecidesBetweenTheTemplates) {
  const Tokenizer* tokenizer = deepseek_tokenizer(true);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  const TempFolder folder;
  const auto choice = [&] { return choose_chat_style(folder.path(), *tokenizer); };
  EXPECT_EQ(choice(), ChatStyle::kV31);
  folder.write("config.json", R"({"model_type":"deepseek_v32"})");
  EXPECT_EQ(choice(), ChatStyle::kV32);
  folder.write("tokenizer_config.json", R"({"chat_template":"{{ bos_token }}"})");
  EXPECT_EQ(choice(), ChatStyle::kV32Exp);
  folder.write("config.json", R"({"model_type":"deepseek_v3"})");
  EXPECT_EQ(choice(), ChatStyle::kV31);
  folder.make_folder("encoding");
  EXPECT_EQ(choice(), ChatStyle::kV32);
}

TEST(ChatStyle, MarkersHaveOneSpaceBehindThem) {
  EXPECT_EQ(rendered(R"([{"role":"system","content":"DOC"},{"role":"user","content":"Why?"},
                         {"role":"assistant","content":" So."},{"role":"user","content":"Oh"}])",
                     ChatStyle::kMarkers),
            kBos + "DOC<｜User｜> Why?<｜Assistant｜> So." + kEos + "<｜User｜> Oh<｜Assistant｜>");
}

TEST(ChatStyle, ADeveloperIsASystemWhereTheStyleHasNoOther) {
  const std::string rest = R"(","content":"D"},{"role":"user","content":"Q"}])";
  for (const ChatStyle style :
       {ChatStyle::kV31, ChatStyle::kV32Exp, ChatStyle::kMarkers, ChatStyle::kPlain}) {
    EXPECT_EQ(rendered(R"([{"role":"developer)" + rest, style),
              rendered(R"([{"role":"system)" + rest, style));
  }
  EXPECT_NE(rendered(R"([{"role":"developer)" + rest, ChatStyle::kV32),
            rendered(R"([{"role":"system)" + rest, ChatStyle::kV32));
}

TEST(ChatStyle, ThinkingIsRefusedWhereThereIsNone) {
  const auto error = [](ChatStyle style) {
    ChatOptions thinking;
    thinking.is_thinking = true;
    return error_of([&] { (void)rendered(R"([{"role":"user","content":"x"}])", style, thinking); });
  };
  EXPECT_EQ(error(ChatStyle::kMarkers),
            "this model cannot think: its tokenizer has no </think> token");
  EXPECT_EQ(error(ChatStyle::kPlain), "this model cannot think: its prompts are plain text");
}

TEST(ChatStyle, ToolsAreRefusedByNameWhereThereIsNoMarkupForThem) {
  const std::string no_tools = "this model cannot call tools: its tokenizer has no markup for them";
  for (const ChatStyle style : {ChatStyle::kMarkers, ChatStyle::kPlain}) {
    const auto error = [&](const std::string& json) {
      return error_of([&] { (void)rendered(json, style); });
    };
    EXPECT_EQ(error(R"({"messages":[{"role":"user","content":"x"}],
                        "tools":[{"function":{"name":"f"}}]})"),
              "tools: " + no_tools);
    EXPECT_EQ(error(R"([{"role":"system","content":"","tools":[{"function":{"name":"f"}}]}])"),
              "messages[0].tools: " + no_tools);
    EXPECT_EQ(error(R"([{"role":"user","content":"x"},{"role":"assistant","tool_calls":[
                         {"function":{"name":"f","arguments":"{}"}}]}])"),
              "messages[1].tool_calls: " + no_tools);
    EXPECT_EQ(error(R"([{"role":"tool","content":"x"}])"),
              "messages[0].role: the chat form of this model has no role tool");
  }
}

TEST(ChatStyle, PlainIsBosAndText) {
  EXPECT_EQ(rendered(R"([{"role":"user","content":"Once"}])", ChatStyle::kPlain), kBos + "Once");
  EXPECT_EQ(rendered(R"([{"role":"system","content":"D"},{"role":"user","content":"Q"}])",
                     ChatStyle::kPlain),
            kBos + "D\n\nQ");
}

/// The small tokenizer under other names of its added tokens, loaded from `folder`.
Tokenizer renamed_tokenizer(const TempFolder& folder,
                            const std::vector<std::pair<std::string, std::string>>& names) {
  std::string content = text_data("mini_tokenizer.json");
  for (const auto& [from, to] : names) {
    for (size_t pos = content.find(from); pos != std::string::npos;
         pos = content.find(from, pos + to.size())) {
      content.replace(pos, from.size(), to);
    }
  }
  folder.write("tokenizer.json", content);
  return Tokenizer::load(folder.path());
}

/// Ids of a prompt in the style that the folder calls for.
std::vector<int32_t> chosen_ids(const TempFolder& folder, const Tokenizer& tokenizer,
                                const std::string& json) {
  const ChatStyle style = choose_chat_style(folder.path(), tokenizer);
  return tokenizer.encode(encode_chat(parse_conversation(json, ""), {}, style).segments()).ids;
}

TEST(ChatStyle, AForeignTokenizerGetsItsOwnBosAndNoSpeltOutMarkers) {
  const TempFolder folder;
  folder.write("tokenizer_config.json", R"({"bos_token":"[BOS]"})");
  const Tokenizer tokenizer =
      renamed_tokenizer(folder, {{kBos, "[BOS]"}, {"<｜User｜>", "</think>"}});
  EXPECT_EQ(choose_chat_style(folder.path(), tokenizer), ChatStyle::kPlain);
  EXPECT_EQ(chosen_ids(folder, tokenizer, R"([{"role":"user","content":"Once"}])"),
            tokenizer.encode("Once", {.add_bos = true}).ids);
}

TEST(ChatStyle, ATokenizerWithoutBosGetsNone) {
  const TempFolder folder;
  const Tokenizer tokenizer =
      renamed_tokenizer(folder, {{kBos, "[X]"}, {"<｜User｜>", "<|user|>"}});
  EXPECT_EQ(tokenizer.bos_id(), std::nullopt);
  EXPECT_EQ(chosen_ids(folder, tokenizer, R"([{"role":"user","content":"Once"}])"),
            tokenizer.encode("Once").ids);
}

TEST(ChatStyle, MarkersTakeTheTokenizersBosAndEos) {
  const TempFolder folder;
  folder.write("tokenizer_config.json", R"({"bos_token":"[BOS]","eos_token":"[EOS]"})");
  const Tokenizer tokenizer = renamed_tokenizer(folder, {{kBos, "[BOS]"}, {kEos, "[EOS]"}});
  EXPECT_EQ(choose_chat_style(folder.path(), tokenizer), ChatStyle::kMarkers);
  EXPECT_EQ(
      chosen_ids(folder, tokenizer,
                 R"([{"role":"user","content":"Why?"},{"role":"assistant","content":"So."},
                           {"role":"user","content":"Oh"}])"),
      tokenizer.encode("[BOS]<｜User｜> Why?<｜Assistant｜> So.[EOS]<｜User｜> Oh<｜Assistant｜>")
          .ids);
}

TEST(ChatStyle, AnEmptyConversationIsRefused) {
  EXPECT_EQ(error_of([] { (void)encode_chat({}, {}, ChatStyle::kV31); }),
            "the conversation has no messages");
}

TEST(ChatStyle, IdsOfSegmentsEqualThoseOfTheRenderedText) {
  const Tokenizer* tokenizer = deepseek_tokenizer(true);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  ChatOptions options;
  options.is_thinking = true;
  for (const char* name : {"chat/test_input.json", "chat/test_input_search_w_date.json"}) {
    const Conversation conversation = parse_conversation(text_data(name), name);
    const Prompt prompt = encode_chat(conversation, options, ChatStyle::kV32);
    EXPECT_EQ(tokenizer->encode(prompt.segments()).ids, tokenizer->encode(prompt.text()).ids);
  }
}

/// A conversation with every string that is an added token in every place for text.
Conversation hostile_conversation(const Tokenizer& tokenizer) {
  std::string all;
  for (const int32_t id : added_ids(tokenizer)) {
    all += tokenizer.token_bytes(id);
  }
  Conversation conversation = parse_conversation(
      R"([{"role":"system","content":""},{"role":"user","content":""},
          {"role":"assistant","tool_calls":[{"function":{"name":"","arguments":""}}]},
          {"role":"tool","content":""},{"role":"assistant","content":""},
          {"role":"user","content":""}])",
      "");
  for (ChatMessage& message : conversation.messages) {
    message.content = all;
    message.reasoning_content = all;
    for (ToolCall& call : message.tool_calls) {
      call.name = all;
      call.arguments = "{" + write_python_json_string(all) + ": [" + write_python_json_string(all) +
                       "], \"s\": " + write_python_json_string(all) + "}";
    }
  }
  JsonValue function = parse_python_json(R"({"name":"","description":"","parameters":[""]})", "");
  function.members[0].value.text = all;
  function.members[1].value.text = all;
  function.members[2].value.items[0].text = all;
  conversation.tools.push_back(function);
  return conversation;
}

/// The same shape of conversation without a word in it.
Conversation harmless_conversation(Conversation conversation) {
  for (ChatMessage& message : conversation.messages) {
    message.content = "x";
    message.reasoning_content = "x";
    for (ToolCall& call : message.tool_calls) {
      call.name = "x";
      call.arguments = R"({"x": ["x"], "s": "x"})";
    }
  }
  for (JsonMember& member : conversation.tools[0].members) {
    member.value.text = "x";
  }
  conversation.tools[0].members[2].value.items[0].text = "x";
  return conversation;
}

std::vector<int32_t> added_ids_in(const Tokenizer& tokenizer, const Prompt& prompt) {
  std::vector<int32_t> added;
  for (const int32_t id : tokenizer.encode(prompt.segments()).ids) {
    if (tokenizer.is_added(id)) {
      added.push_back(id);
    }
  }
  return added;
}

TEST(ChatStyle, ContentNeverBecomesMarkup) {
  const Tokenizer* tokenizer = deepseek_tokenizer(true);
  if (tokenizer == nullptr) {
    GTEST_SKIP() << kFetchHint;
  }
  const Conversation hostile = hostile_conversation(*tokenizer);
  const Conversation harmless = harmless_conversation(hostile);
  for (const ChatStyle style : {ChatStyle::kV31, ChatStyle::kV32Exp, ChatStyle::kV32}) {
    EXPECT_EQ(added_ids_in(*tokenizer, encode_chat(hostile, {}, style)),
              added_ids_in(*tokenizer, encode_chat(harmless, {}, style)))
        << static_cast<int>(style);
  }
}

}  // namespace
}  // namespace levin::text
