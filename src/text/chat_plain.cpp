#include "text/chat_plain.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::text {
namespace {

using base::ErrorCode;

[[noreturn]] void refuse_tools(std::string_view field) {
  base::throw_error(ErrorCode::kInvalidArgument, std::string(field),
                    "this model cannot call tools: its tokenizer has no markup for them");
}

/// No prompt here has room for tools, their calls and their results.
void refuse_all_tools(const Conversation& conversation) {
  if (!conversation.tools.empty()) {
    refuse_tools("tools");
  }
  for (size_t idx = 0; idx < conversation.messages.size(); ++idx) {
    const ChatMessage& message = conversation.messages[idx];
    if (message.role == Role::kTool) {
      base::throw_error(ErrorCode::kInvalidArgument, fmt::format("messages[{}].role", idx),
                        "the chat form of this model has no role tool");
    }
    if (!message.tools.empty()) {
      refuse_tools(fmt::format("messages[{}].tools", idx));
    }
    if (!message.tool_calls.empty()) {
      refuse_tools(fmt::format("messages[{}].tool_calls", idx));
    }
  }
}

void refuse_thinking(const ChatOptions& options, const char* reason) {
  if (options.is_thinking) {
    base::throw_error(ErrorCode::kInvalidArgument, "", "this model cannot think: {}", reason);
  }
}

void append_bos(Prompt& prompt, const ChatOptions& options) {
  if (options.add_bos) {
    prompt.bos();
  }
}

/// Such models were trained with a space between a marker and the text.
void append_after_marker(Prompt& prompt, std::string_view marker, std::string_view text) {
  prompt.markup(marker).content(text.starts_with(' ') ? "" : " ").content(text);
}

}  // namespace

Prompt encode_chat_markers(const Conversation& conversation, const ChatOptions& options) {
  refuse_thinking(options, "its tokenizer has no </think> token");
  refuse_all_tools(conversation);
  Prompt prompt;
  append_bos(prompt, options);
  const char* separator = "";
  for (const ChatMessage& message : conversation.messages) {
    if (is_system(message.role)) {
      prompt.content(separator).content(message.content);
      separator = "\n\n";
    }
  }
  bool is_answer_due = false;
  for (const ChatMessage& message : conversation.messages) {
    if (message.role == Role::kUser) {
      append_after_marker(prompt, markup::kUser, message.content);
      is_answer_due = true;
    } else if (message.role == Role::kAssistant) {
      append_after_marker(prompt, markup::kAssistant, message.content);
      if (!message.is_prefix) {
        prompt.eos();
      }
      is_answer_due = false;
    }
  }
  if (options.add_generation_prompt && is_answer_due) {
    prompt.markup(markup::kAssistant);
  }
  return prompt;
}

Prompt encode_chat_text(const Conversation& conversation, const ChatOptions& options) {
  refuse_thinking(options, "its prompts are plain text");
  refuse_all_tools(conversation);
  Prompt prompt;
  append_bos(prompt, options);
  const char* separator = "";
  for (const ChatMessage& message : conversation.messages) {
    prompt.content(separator).content(message.content);
    separator = "\n\n";
  }
  return prompt;
}

}  // namespace levin::text
