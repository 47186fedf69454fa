// Conversations as commands build, save and load them.
#pragma once

#include <string>

#include "text/chat_message.h"

namespace levin::cli {

void add_message(text::Conversation& conversation, text::Role role, std::string content);

/// Writes {"messages": [{"role", "content"}, ...]}. Throws Error(kIo).
void save_conversation(const text::Conversation& conversation, const std::string& path);

/// Reads what save_conversation wrote. Throws Error(kNotFound | kIo | kInvalidFile).
[[nodiscard]] text::Conversation load_conversation(const std::string& path);

}  // namespace levin::cli
