#include "text/chat_style.h"

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "text/chat_plain.h"
#include "text/chat_v31.h"
#include "text/chat_v32.h"
#include "text/tokenizer_config.h"

namespace levin::text {
namespace {

constexpr std::string_view kV32ModelType = "deepseek_v32";

}  // namespace

ChatStyle choose_chat_style(const std::string& folder, const Tokenizer& tokenizer) {
  if (!tokenizer.id_of(markup::kUser) || !tokenizer.id_of(markup::kAssistant)) {
    return ChatStyle::kPlain;
  }
  if (!tokenizer.id_of(markup::kThinkEnd)) {
    return ChatStyle::kMarkers;
  }
  if (base::is_folder((std::filesystem::path(folder) / "encoding").string())) {
    return ChatStyle::kV32;
  }
  const bool is_v32 = read_model_type(folder) == kV32ModelType;
  if (has_chat_template(folder)) {
    return is_v32 ? ChatStyle::kV32Exp : ChatStyle::kV31;
  }
  return is_v32 ? ChatStyle::kV32 : ChatStyle::kV31;
}

Prompt encode_chat(const Conversation& conversation, const ChatOptions& options, ChatStyle style) {
  if (conversation.messages.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "the conversation has no messages");
  }
  switch (style) {
    case ChatStyle::kV31:
      return encode_chat_v31(conversation, options, V31Template::kV31);
    case ChatStyle::kV32Exp:
      return encode_chat_v31(conversation, options, V31Template::kV32Exp);
    case ChatStyle::kV32:
      return encode_chat_v32(conversation, options);
    case ChatStyle::kMarkers:
      return encode_chat_markers(conversation, options);
    case ChatStyle::kPlain:
      break;
  }
  return encode_chat_text(conversation, options);
}

}  // namespace levin::text
