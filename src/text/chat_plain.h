// Prompts for models without DeepSeek's chat templates.
#pragma once

#include "text/chat_message.h"
#include "text/prompt.h"

namespace levin::text {

/// For tokenizers with `<｜User｜>` and `<｜Assistant｜>` but without `</think>`: BOS, system text
/// (the document), then each message after its marker and one space; answers end with EOS. BOS and
/// EOS are the tokenizer's own, and developer messages are system text. Throws
/// Error(kInvalidArgument) naming the field for what such a model cannot do: thinking, tools, calls
/// and the role tool.
[[nodiscard]] Prompt encode_chat_markers(const Conversation& conversation,
                                         const ChatOptions& options);

/// No template at all: BOS and the contents, with a blank line between messages. Throws
/// Error(kInvalidArgument) for the same.
[[nodiscard]] Prompt encode_chat_text(const Conversation& conversation, const ChatOptions& options);

}  // namespace levin::text
