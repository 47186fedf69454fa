#include "text/chat_v32.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"

namespace levin::text {
namespace {

using base::ErrorCode;
using base::throw_error;

/// Of the arguments of one call, whose text stands in a string of the request.
constexpr int64_t kMaxArgumentValues = 1'000'000;

constexpr std::string_view kFunctionsHead = R"(## Tools

You have access to a set of tools you can use to answer the user's question.
You can invoke functions by writing a "<｜DSML｜function_calls>" block like the following as part of your reply to the user:
<｜DSML｜function_calls>
<｜DSML｜invoke name="$FUNCTION_NAME">
<｜DSML｜parameter name="$PARAMETER_NAME" string="true|false">$PARAMETER_VALUE</｜DSML｜parameter>
...
</｜DSML｜invoke>
<｜DSML｜invoke name="$FUNCTION_NAME2">
...
</｜DSML｜invoke>
</｜DSML｜function_calls>

String and scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use JSON format. The "string" attribute should be set to "true" for string type parameters and "false" for other types (numbers, booleans, arrays, objects).

If the thinking_mode is enabled, then after function results you should strongly consider outputting a thinking block. Here is an example:

<｜DSML｜function_calls>
...
</｜DSML｜function_calls>

<function_results>
...
</function_results>

<think>...thinking about results</think>

Here are the functions available in JSONSchema format:
<functions>
)";
constexpr std::string_view kFunctionsTail = "\n</functions>\n";
constexpr std::string_view kResponseFormatHead =
    "## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n";

/// A message that is rendered or counts for those that are.
struct Turn {
  const ChatMessage* message = nullptr;
  size_t original_idx = 0;
};

bool is_user_like(Role role) { return role == Role::kUser || role == Role::kDeveloper; }

/// Index after the last user or developer message: 0 if there is none.
size_t after_last_user(const std::vector<Turn>& turns) {
  size_t after = turns.size();
  while (after > 0 && !is_user_like(turns[after - 1].message->role)) {
    --after;
  }
  return after;
}

/// The official drop_thinking step. The thinking of earlier rounds is never rendered anyway, so
/// what it comes to is that earlier developer messages vanish; `context_turns` is lowered by those
/// that were part of the context.
std::vector<Turn> drop_earlier_developers(const std::vector<Turn>& turns, size_t& context_turns) {
  const size_t after_user = after_last_user(turns);
  std::vector<Turn> kept;
  size_t kept_context = 0;
  for (size_t idx = 0; idx < turns.size(); ++idx) {
    if (idx + 1 < after_user && turns[idx].message->role == Role::kDeveloper) {
      continue;
    }
    kept.push_back(turns[idx]);
    kept_context += idx < context_turns ? 1 : 0;
  }
  context_turns = kept_context;
  return kept;
}

void append_functions(Prompt& prompt, const std::vector<JsonValue>& tools) {
  prompt.markup(kFunctionsHead);
  const char* separator = "";
  for (const JsonValue& function : tools) {
    prompt.markup(separator).content(write_python_json(function));
    separator = "\n";
  }
  prompt.markup(kFunctionsTail);
}

void append_functions_and_format(Prompt& prompt, const ChatMessage& message) {
  if (!message.tools.empty()) {
    prompt.markup("\n\n");
    append_functions(prompt, message.tools);
  }
  if (message.response_format) {
    prompt.markup("\n\n").markup(kResponseFormatHead);
    prompt.content(write_python_json(*message.response_format));
  }
}

void append_call(Prompt& prompt, const ToolCall& call, const std::string& where) {
  const JsonValue arguments = parse_python_json(call.arguments, where, kMaxArgumentValues);
  if (!arguments.is(JsonValue::Kind::kObject)) {
    throw_error(ErrorCode::kInvalidArgument, where, "a JSON object expected, got {}",
                json_kind_name(arguments.kind));
  }
  prompt.markup("<｜DSML｜invoke name=\"").content(call.name).markup("\">\n");
  for (const JsonMember& argument : arguments.members) {
    const bool is_string = argument.value.is(JsonValue::Kind::kString);
    prompt.markup("<｜DSML｜parameter name=\"").content(replace_lone_surrogates(argument.key));
    prompt.markup(is_string ? "\" string=\"true\">" : "\" string=\"false\">");
    prompt.content(is_string ? replace_lone_surrogates(argument.value.text)
                             : write_python_json(argument.value));
    prompt.markup("</｜DSML｜parameter>\n");
  }
  if (arguments.members.empty()) {
    prompt.markup("\n");  // the official encoder joins no lines with the end tag all the same
  }
  prompt.markup("</｜DSML｜invoke>\n");
}

/// For each turn the index of the first of the tool messages that it stands among; its own for
/// others.
std::vector<size_t> first_tool_results(const std::vector<Turn>& turns) {
  std::vector<size_t> firsts(turns.size());
  for (size_t idx = 0; idx < turns.size(); ++idx) {
    const bool goes_on = idx > 0 && turns[idx].message->role == Role::kTool &&
                         turns[idx - 1].message->role == Role::kTool;
    firsts[idx] = goes_on ? firsts[idx - 1] : idx;
  }
  return firsts;
}

class DsmlRenderer {
 public:
  DsmlRenderer(const std::vector<Turn>& turns, const ChatOptions& options)
      : turns_(turns),
        is_thinking_(options.is_thinking),
        after_user_(after_last_user(turns)),
        first_results_(first_tool_results(turns)) {}

  void render(size_t idx, Prompt& prompt) const {
    const ChatMessage& message = *turns_[idx].message;
    switch (message.role) {
      case Role::kSystem:
        prompt.content(message.content);
        append_functions_and_format(prompt, message);
        break;
      case Role::kDeveloper:
        if (message.content.empty()) {
          throw_error(ErrorCode::kInvalidArgument, where(idx), "a developer message needs content");
        }
        prompt.markup(markup::kUser);
        append_functions_and_format(prompt, message);
        prompt.markup("\n\n# The user's message is: ").content(message.content);
        append_answer_start(idx, prompt);
        break;
      case Role::kUser:
        prompt.markup(markup::kUser).content(message.content);
        append_answer_start(idx, prompt);
        break;
      case Role::kAssistant:
        render_assistant(idx, prompt);
        break;
      case Role::kTool:
        render_tool(idx, prompt);
        break;
    }
  }

 private:
  [[nodiscard]] std::string where(size_t idx) const {
    return fmt::format("messages[{}]", turns_[idx].original_idx);
  }

  /// True from the last user message on: there the model's thinking is shown.
  [[nodiscard]] bool is_current_round(size_t idx) const { return idx + 1 >= after_user_; }

  [[nodiscard]] std::string_view think_tag(size_t idx) const {
    return is_thinking_ && is_current_round(idx) ? markup::kThinkBegin : markup::kThinkEnd;
  }

  void append_answer_start(size_t idx, Prompt& prompt) const {
    prompt.markup(markup::kAssistant).markup(think_tag(idx));
  }

  void render_assistant(size_t idx, Prompt& prompt) const {
    const ChatMessage& message = *turns_[idx].message;
    const bool is_open = message.is_prefix && idx + 1 == turns_.size();
    if (is_thinking_ && idx >= after_user_) {
      if (message.reasoning_content.empty() && message.tool_calls.empty() && !is_open) {
        throw_error(ErrorCode::kInvalidArgument, where(idx),
                    "in thinking mode an assistant's message after the last user's needs "
                    "reasoning_content or tool_calls");
      }
      prompt.content(message.reasoning_content);
      if (!is_open || !message.content.empty()) {
        prompt.markup(markup::kThinkEnd);
      }
    }
    prompt.content(message.content);
    if (!message.tool_calls.empty()) {
      render_calls(idx, prompt);
    }
    if (!is_open) {
      prompt.markup(markup::kEos);
    }
  }

  void render_calls(size_t idx, Prompt& prompt) const {
    const std::vector<ToolCall>& calls = turns_[idx].message->tool_calls;
    prompt.markup("\n\n<｜DSML｜function_calls>\n");
    for (size_t call_idx = 0; call_idx < calls.size(); ++call_idx) {
      append_call(prompt, calls[call_idx],
                  fmt::format("{}.tool_calls[{}].function.arguments", where(idx), call_idx));
    }
    prompt.markup("</｜DSML｜function_calls>");
  }

  void render_tool(size_t idx, Prompt& prompt) const {
    const size_t first = first_results_[idx];
    if (first == 0 || turns_[first - 1].message->role != Role::kAssistant) {
      throw_error(ErrorCode::kInvalidArgument, where(idx),
                  "a tool message must follow an assistant's message with tool_calls");
    }
    const size_t calls = turns_[first - 1].message->tool_calls.size();
    const size_t number = idx - first + 1;
    if (number > calls) {
      throw_error(ErrorCode::kInvalidArgument, where(idx),
                  "this is tool result {}, but the assistant's message has {} tool_calls", number,
                  calls);
    }
    prompt.markup(number == 1 ? "\n\n<function_results>" : "");
    prompt.markup("\n<result>").content(turns_[idx].message->content).markup("</result>");
    if (number == calls) {
      prompt.markup("\n</function_results>\n\n").markup(think_tag(idx));
    }
  }

  const std::vector<Turn>& turns_;
  bool is_thinking_;
  size_t after_user_;
  std::vector<size_t> first_results_;
};

/// The first message with the tools of the request: a copy of it, or an empty system message.
ChatMessage first_with_tools(const Conversation& conversation) {
  ChatMessage first;
  first.role = Role::kSystem;
  if (!conversation.messages.empty() && conversation.messages[0].role == Role::kSystem) {
    first = conversation.messages[0];
  }
  first.tools.insert(first.tools.end(), conversation.tools.begin(), conversation.tools.end());
  return first;
}

}  // namespace

Prompt encode_chat_v32(const Conversation& conversation, const ChatOptions& options) {
  std::vector<Turn> turns;
  for (const ChatMessage& message : conversation.messages) {
    turns.push_back({&message, turns.size()});
  }
  size_t context_turns = std::min(options.context_messages, turns.size());
  std::optional<ChatMessage> first;
  if (!conversation.tools.empty()) {
    first = first_with_tools(conversation);
    if (turns.empty() || turns[0].message->role != Role::kSystem) {
      turns.insert(turns.begin(), Turn{});
      context_turns += context_turns > 0 ? 1 : 0;
    }
    turns[0].message = &*first;
  }
  Prompt prompt;
  if (options.add_bos && context_turns == 0) {
    prompt.markup(markup::kBos);
  }
  if (options.is_thinking && options.drop_thinking) {
    turns = drop_earlier_developers(turns, context_turns);
  }
  const DsmlRenderer renderer(turns, options);
  for (size_t idx = context_turns; idx < turns.size(); ++idx) {
    renderer.render(idx, prompt);
  }
  return prompt;
}

}  // namespace levin::text
