// Prompts as token ids.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin::generation {

struct PromptIds {
  std::vector<int32_t> ids;
  int64_t replacements = 0;  ///< ill-formed UTF-8 subparts that became U+FFFD; worth one warning
};

/// Plain text behind BOS (if the tokenizer has one), for base models and --plain. Added tokens in
/// the text are matched, as the reference tokenizer does.
[[nodiscard]] PromptIds text_prompt(const text::Tokenizer& tokenizer, std::string_view text,
                                    const text::EncodeWatch& watch = {});

/// A conversation in the chat encoding of `style`; what users and tools wrote never becomes markup.
/// Throws Error(kInvalidArgument) for what the style refuses.
[[nodiscard]] PromptIds chat_prompt(const text::Tokenizer& tokenizer,
                                    const text::Conversation& conversation,
                                    const text::ChatOptions& options, text::ChatStyle style,
                                    const text::EncodeWatch& watch = {});

/// A question about a document: the document comes first, so that questions about the same one
/// share its cached pages. Styles with turns get both in one user message, kMarkers the document
/// in front of the user's marker. Throws as chat_prompt.
[[nodiscard]] PromptIds document_prompt(const text::Tokenizer& tokenizer, std::string_view document,
                                        std::string_view question, const text::ChatOptions& options,
                                        text::ChatStyle style);

}  // namespace levin::generation
