#include "generation/prompt_ids.h"

#include <string>
#include <utility>

namespace levin::generation {

PromptIds text_prompt(const text::Tokenizer& tokenizer, std::string_view text,
                      const text::EncodeWatch& watch) {
  text::Encoding encoding =
      tokenizer.encode(text, {.add_bos = tokenizer.bos_id().has_value(), .watch = watch});
  return {std::move(encoding.ids), encoding.replacements};
}

PromptIds chat_prompt(const text::Tokenizer& tokenizer, const text::Conversation& conversation,
                      const text::ChatOptions& options, text::ChatStyle style,
                      const text::EncodeWatch& watch) {
  const text::Prompt prompt = text::encode_chat(conversation, options, style);
  text::Encoding encoding = tokenizer.encode(prompt.segments(), watch);
  return {std::move(encoding.ids), encoding.replacements};
}

PromptIds document_prompt(const text::Tokenizer& tokenizer, std::string_view document,
                          std::string_view question, const text::ChatOptions& options,
                          text::ChatStyle style) {
  text::Conversation conversation;
  const auto add = [&](text::Role role, std::string content) {
    text::ChatMessage& message = conversation.messages.emplace_back();
    message.role = role;
    message.content = std::move(content);
  };
  if (style == text::ChatStyle::kMarkers) {
    add(text::Role::kSystem, std::string(document));
    add(text::Role::kUser, std::string(question));
  } else {
    add(text::Role::kUser, std::string(document).append("\n\n").append(question));
  }
  return chat_prompt(tokenizer, conversation, options, style);
}

}  // namespace levin::generation
