// Conversations in OpenAI's JSON form.
#pragma once

#include <string>
#include <string_view>

#include "text/chat_message.h"

namespace levin::text {

/// Parses an array of messages, or an object with `messages` and perhaps `tools` (its other members
/// are ignored). `where` (a file, or empty) begins every error. Text may be a string or an array of
/// text parts; lone surrogates in it become U+FFFD. Throws Error(kInvalidArgument) naming the key
/// ("messages[3].role") for anything that is no such conversation. For tests and fuzzing: the
/// service has parsed its JSON already.
[[nodiscard]] Conversation parse_conversation(std::string_view json, const std::string& where);

/// The same of JSON that is parsed already.
[[nodiscard]] Conversation conversation_from_json(const JsonValue& root, const std::string& where);

}  // namespace levin::text
