#include "generation/prompt_ids.h"

#include <utility>

namespace levin::generation {

PromptIds text_prompt(const text::Tokenizer& tokenizer, std::string_view text) {
  text::Encoding encoding = tokenizer.encode(
      text, {.add_bos = tokenizer.bos_id().has_value(), .match_added_tokens = true});
  return {std::move(encoding.ids), encoding.replacements};
}

PromptIds chat_prompt(const text::Tokenizer& tokenizer, const text::Conversation& conversation,
                      const text::ChatOptions& options, text::ChatStyle style) {
  const text::Prompt prompt = text::encode_chat(conversation, options, style);
  text::Encoding encoding = tokenizer.encode(prompt.segments());
  return {std::move(encoding.ids), encoding.replacements};
}

}  // namespace levin::generation
