// The prompts of a look-up file in a checkpoint's own tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/lookup_file.h"
#include "text/chat_style.h"
#include "text/tokenizer.h"

namespace levin::eval {

/// Tokens of an answer at most: what the files leave free behind every prompt.
inline constexpr int64_t kAnswerTokens = 64;

/// The prompts of one document's questions, those of `levin ask`: what all begin with, and the rest
/// of each.
struct LookupPrompts {
  std::vector<int32_t> shared;
  std::vector<std::vector<int32_t>> rests;
};

struct EncodedLookups {
  std::vector<LookupPrompts> documents;
  int64_t questions = 0;
  int64_t context_tokens = 0;  ///< that holds every prompt and answer
};

[[nodiscard]] EncodedLookups encode_lookups(const text::Tokenizer& tokenizer, text::ChatStyle style,
                                            std::span<const LookupDocument> documents);

/// Cache in which a document of such a context is read and several of its questions are answered
/// side by side.
[[nodiscard]] int64_t lookup_cache_bytes(const EncodedLookups& lookups, int64_t context_tokens,
                                         int64_t page_bytes);

}  // namespace levin::eval
