#include "text/chat_v31.h"

#include <utility>

namespace levin::text {
namespace {

constexpr std::string_view kToolsHead = "## Tools\nYou have access to the following tools:\n";
constexpr std::string_view kToolsTail =
    "\nIMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>tool_call_arguments"
    "<｜tool▁call▁end｜>{{additional_tool_calls}}<｜tool▁calls▁end｜>\n"
    "\nWhere:\n"
    "\n- `tool_call_name` must be an exact match to one of the available tools\n"
    "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters "
    "Schema\n"
    "- For multiple tool calls, chain them directly without separators or spaces\n";

std::string text_member(const JsonValue& function, std::string_view key) {
  const JsonValue* member = function.find(key);
  return member != nullptr ? replace_lone_surrogates(member->text) : std::string();
}

void append_tools(Prompt& prompt, const std::vector<JsonValue>& tools) {
  prompt.markup("\n\n").markup(kToolsHead);
  for (const JsonValue& function : tools) {
    const JsonValue* parameters = function.find("parameters");
    prompt.markup("\n### ").content(text_member(function, "name"));
    prompt.markup("\nDescription: ").content(text_member(function, "description"));
    prompt.markup("\n\nParameters: ");
    prompt.content(parameters != nullptr ? write_python_json(*parameters) : "{}").markup("\n");
  }
  prompt.markup(kToolsTail);
}

/// What follows the first `</think>`; all of it if there is none.
std::string_view without_thinking(std::string_view content) {
  const size_t end = content.find(markup::kThinkEnd);
  return end == std::string_view::npos ? content : content.substr(end + markup::kThinkEnd.size());
}

/// The template's loop over the messages with its flags.
class V31Renderer {
 public:
  V31Renderer(const Conversation& conversation, const ChatOptions& options, V31Template variant)
      : conversation_(conversation), options_(options), variant_(variant) {}

  Prompt render() {
    render_system();
    for (size_t idx = 0; idx < conversation_.messages.size(); ++idx) {
      render_message(idx);
    }
    render_generation_prompt();
    return std::move(prompt_);
  }

 private:
  void render_system() {
    if (options_.add_bos) {
      prompt_.markup(markup::kBos);
    }
    std::vector<JsonValue> tools = conversation_.tools;
    for (const ChatMessage& message : conversation_.messages) {
      if (is_system(message.role)) {
        prompt_.markup(is_only_system_ ? "\n\n" : "").content(message.content);
        tools.insert(tools.end(), message.tools.begin(), message.tools.end());
        is_only_system_ = true;
      }
    }
    if (!tools.empty()) {
      append_tools(prompt_, tools);
    }
  }

  void render_message(size_t idx) {
    const ChatMessage& message = conversation_.messages[idx];
    switch (message.role) {
      case Role::kSystem:
      case Role::kDeveloper:
        return;  // written already
      case Role::kUser:
        prompt_.markup(markup::kUser).content(message.content);
        break;
      case Role::kAssistant:
        render_assistant(message, idx + 1 == conversation_.messages.size());
        break;
      case Role::kTool:
        prompt_.markup(markup::kToolOutputBegin).content(message.content);
        prompt_.markup(markup::kToolOutputEnd);
        break;
    }
    last_role_ = message.role;
    is_only_system_ = false;
  }

  void render_assistant(const ChatMessage& message, bool is_last) {
    const bool has_calls = !message.tool_calls.empty();
    const bool is_open_thought = message.is_prefix && options_.is_thinking && !has_calls;
    if (last_role_ == Role::kUser ||
        (has_calls && is_only_system_ && variant_ == V31Template::kV32Exp)) {
      prompt_.markup(markup::kAssistant);
      prompt_.markup(is_open_thought ? markup::kThinkBegin : markup::kThinkEnd);
    }
    if (is_open_thought && !message.reasoning_content.empty()) {
      prompt_.content(message.reasoning_content);
      prompt_.markup(message.content.empty() ? "" : markup::kThinkEnd);
    }
    // The template keeps the content as it is beside tool calls and after tool outputs.
    const bool is_kept_whole = has_calls || last_role_ == Role::kTool;
    prompt_.content(is_kept_whole ? message.content : without_thinking(message.content));
    if (has_calls) {
      render_calls(message.tool_calls);
    }
    if (!message.is_prefix || !is_last) {
      prompt_.markup(markup::kEos);
    }
    is_prefix_seen_ = is_prefix_seen_ || message.is_prefix;
  }

  void render_calls(const std::vector<ToolCall>& calls) {
    prompt_.markup(markup::kToolCallsBegin);
    for (const ToolCall& call : calls) {
      prompt_.markup(markup::kToolCallBegin).content(call.name);
      prompt_.markup(markup::kToolSep).content(call.arguments);
      prompt_.markup(markup::kToolCallEnd);
    }
    prompt_.markup(markup::kToolCallsEnd);
  }

  void render_generation_prompt() {
    if (!options_.add_generation_prompt || last_role_ == Role::kTool) {
      return;
    }
    const bool is_exp_case =
        variant_ == V31Template::kV32Exp && (is_only_system_ || !is_prefix_seen_);
    if (last_role_ == Role::kUser || is_exp_case) {
      prompt_.markup(markup::kAssistant);
      prompt_.markup(options_.is_thinking ? markup::kThinkBegin : markup::kThinkEnd);
    }
  }

  const Conversation& conversation_;
  const ChatOptions& options_;
  V31Template variant_;
  Prompt prompt_;
  Role last_role_ = Role::kSystem;  // of the last message that is not a system message
  bool is_only_system_ = false;     // system messages came and nothing else yet
  bool is_prefix_seen_ = false;
};

}  // namespace

Prompt encode_chat_v31(const Conversation& conversation, const ChatOptions& options,
                       V31Template variant) {
  return V31Renderer(conversation, options, variant).render();
}

}  // namespace levin::text
