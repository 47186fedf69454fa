// Which chat encoding a model folder wants, and the one call that applies it.
#pragma once

#include <string>

#include "text/chat_message.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace levin::text {

enum class ChatStyle {
  kV31,      ///< template of DeepSeek-V3.1
  kV32Exp,   ///< template of V3.2-Exp
  kV32,      ///< DSML
  kMarkers,  ///< user and assistant markers only, no thinking, no tools
  kPlain,    ///< BOS and text, no markers of anyone's
};

/// By the tokenizer first: without `<｜User｜>` and `<｜Assistant｜>` the style is kPlain, with
/// them and without `</think>` kMarkers. Then by the folder: `encoding/` means kV32; a chat
/// template means kV32Exp for model_type deepseek_v32 and kV31 for others; without either kV32 for
/// deepseek_v32, else kV31. Throws Error(kInvalidFile|kIo) for a broken config.json or
/// tokenizer_config.json.
[[nodiscard]] ChatStyle choose_chat_style(const std::string& folder, const Tokenizer& tokenizer);

/// Renders `conversation` in `style`. Throws Error(kInvalidArgument) for a conversation without
/// messages and what the style refuses.
[[nodiscard]] Prompt encode_chat(const Conversation& conversation, const ChatOptions& options,
                                 ChatStyle style);

}  // namespace levin::text
