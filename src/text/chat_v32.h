// Chat encoding of DeepSeek-V3.2 ("DSML"): prompts, and tool calls in completions.
#pragma once

#include <string>
#include <string_view>

#include "text/chat_message.h"
#include "text/prompt.h"

namespace levin::text {

/// Renders `conversation`; tools of the request go to the first message if that is a system
/// message, else to an empty system message in front. With `options.context_messages` only the
/// messages after those are written, without BOS. A last assistant message with is_prefix is left
/// open. `add_generation_prompt` does nothing: user and tool messages end with it.
/// Throws Error(kInvalidArgument) naming the message: an empty developer message, a tool message
/// without its call, an assistant's turn without thinking or calls in thinking mode, arguments that
/// are no JSON object.
/// Source: DeepSeek-V3.2 encoding/encoding_dsv32.py.
[[nodiscard]] Prompt encode_chat_v32(const Conversation& conversation, const ChatOptions& options);

/// Parses what the model wrote after a prompt in that mode, as strictly as the official parser: it
/// must end with EOS. Gives an assistant message; ids of its calls are empty.
/// Throws Error(kInvalidArgument) saying what was expected.
[[nodiscard]] ChatMessage parse_completion_v32(std::string_view completion, bool is_thinking);

}  // namespace levin::text
