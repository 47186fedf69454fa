// Chat templates of DeepSeek-V3.1 and V3.2-Exp.
#pragma once

#include <string>

#include "text/chat_message.h"
#include "text/prompt.h"

namespace levin::text {

/// The two texts of the template; they differ only in where a header or a generation prompt is
/// written after system and assistant messages.
enum class V31Template { kV31, kV32Exp };

/// Renders `conversation`: BOS, system texts (developer messages too) and tools, then the messages.
/// Of earlier assistant messages the thinking is left out. A last message with is_prefix is left
/// open (no EOS, no generation prompt).
/// Source: chat_template of the released tokenizer_config.json; DeepSeek-V3.1 model card.
[[nodiscard]] Prompt encode_chat_v31(const Conversation& conversation, const ChatOptions& options,
                                     V31Template variant);

}  // namespace levin::text
