// Which chat encoding a model folder wants, and the one call that applies it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/chat_message.h"
#include "text/prompt.h"
#include "text/tokenizer.h"

namespace levin::text {

enum class ChatStyle {
  kV31,      ///< "v3.1": template of DeepSeek-V3.1
  kV32Exp,   ///< "v3.2-exp": template of V3.1-Terminus and V3.2-Exp
  kV32,      ///< "v3.2": DSML
  kMarkers,  ///< "markers": user and assistant markers only, no thinking, no tools
  kPlain,    ///< "plain": BOS and text
};

[[nodiscard]] std::string_view chat_style_name(ChatStyle style) noexcept;

/// The style of that name; nothing if there is none.
[[nodiscard]] std::optional<ChatStyle> chat_style_from_name(std::string_view name) noexcept;

/// By the tokenizer first: without `</think>` the style is kMarkers, and kPlain if the markers are
/// missing too. Then by the folder: `encoding/` means kV32; a chat template means kV32Exp for
/// model_type deepseek_v32 and kV31 for others; without either kV32 for deepseek_v32, else kV31.
/// Throws Error(kInvalidFile|kIo) for a broken config.json or tokenizer_config.json.
[[nodiscard]] ChatStyle choose_chat_style(const std::string& folder, const Tokenizer& tokenizer);

/// Renders `conversation` in `style`. Throws Error(kInvalidArgument) for a conversation without
/// messages and what the style refuses.
[[nodiscard]] Prompt encode_chat(const Conversation& conversation, const ChatOptions& options,
                                 ChatStyle style);

}  // namespace levin::text
