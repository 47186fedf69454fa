#include "eval/lookup_prompts.h"

#include <algorithm>

#include "base/integers.h"
#include "generation/prompt_ids.h"
#include "kernels/kv_layout.h"

namespace levin::eval {
namespace {

/// Questions answered side by side at most, besides the one that reads the document.
constexpr int64_t kSideBySide = 16;

LookupPrompts encode_document(const text::Tokenizer& tokenizer, text::ChatStyle style,
                              const LookupDocument& document) {
  LookupPrompts prompts;
  for (const LookupQuestion& question : document.questions) {
    prompts.rests.push_back(
        generation::document_prompt(tokenizer, document.document, question.question, {}, style)
            .ids);
  }
  size_t shared = prompts.rests.front().size();
  for (const std::vector<int32_t>& prompt : prompts.rests) {
    const auto limit = static_cast<int64_t>(std::min(shared, prompt.size()));
    const auto end =
        std::mismatch(prompt.begin(), prompt.begin() + limit, prompts.rests.front().begin());
    shared = static_cast<size_t>(end.first - prompt.begin());
  }
  const auto cut = static_cast<int64_t>(shared);
  prompts.shared.assign(prompts.rests.front().begin(), prompts.rests.front().begin() + cut);
  for (std::vector<int32_t>& prompt : prompts.rests) {
    prompt = std::vector<int32_t>(prompt.begin() + cut, prompt.end());
  }
  return prompts;
}

}  // namespace

EncodedLookups encode_lookups(const text::Tokenizer& tokenizer, text::ChatStyle style,
                              std::span<const LookupDocument> documents) {
  EncodedLookups lookups;
  for (const LookupDocument& document : documents) {
    lookups.documents.push_back(encode_document(tokenizer, style, document));
    const LookupPrompts& prompts = lookups.documents.back();
    lookups.questions += std::ssize(prompts.rests);
    for (const std::vector<int32_t>& rest : prompts.rests) {
      lookups.context_tokens = std::max(
          lookups.context_tokens, std::ssize(prompts.shared) + std::ssize(rest) + kAnswerTokens);
    }
  }
  return lookups;
}

int64_t lookup_cache_bytes(const EncodedLookups& lookups, int64_t context_tokens,
                           int64_t page_bytes) {
  constexpr int64_t kPage = kernels::kPageTokens;
  int64_t own_pages = 0;  // of a question besides the document's whole pages
  int64_t side_by_side = 0;
  for (const LookupPrompts& prompts : lookups.documents) {
    side_by_side = std::max(side_by_side, std::ssize(prompts.rests) - 1);
    for (const std::vector<int32_t>& rest : prompts.rests) {
      own_pages = std::max(own_pages, (std::ssize(rest) + kAnswerTokens) / kPage + 2);
    }
  }
  const int64_t pages =
      base::ceil_div(context_tokens, kPage) + std::min(side_by_side, kSideBySide) * own_pages;
  return pages * page_bytes;
}

}  // namespace levin::eval
