#include "runtime/chunk_logits.h"

namespace levin::runtime {

using model::LogitsWanted;

bool gives_token(const PlannedChunk& chunk) {
  const Sequence& sequence = *chunk.sequence;
  return !chunk.is_recomputed && sequence.computed_tokens + chunk.tokens == sequence.token_count();
}

LogitsWanted logits_wanted(const PlannedChunk& chunk) {
  if (!chunk.is_decode && !chunk.is_recomputed && chunk.sequence->request.wants_prompt_logprobs) {
    return LogitsWanted::kAll;
  }
  return gives_token(chunk) ? LogitsWanted::kLast : LogitsWanted::kNone;
}

int64_t logits_rows(const PlannedChunk& chunk) {
  const LogitsWanted wanted = logits_wanted(chunk);
  return wanted == LogitsWanted::kAll ? chunk.tokens : (wanted == LogitsWanted::kLast ? 1 : 0);
}

std::vector<SampledToken> prompt_logprobs(const Request& request, int64_t first_pos,
                                          std::span<const float> chunk_logits, int64_t vocab_size) {
  std::vector<SampledToken> scored;
  const auto vocab = static_cast<size_t>(vocab_size);
  for (auto pos = static_cast<size_t>(first_pos) + 1;
       pos < request.prompt.size() && chunk_logits.size() >= vocab; ++pos) {
    scored.push_back(
        score(chunk_logits.first(vocab), request.prompt[pos], request.sampling.top_logprobs));
    chunk_logits = chunk_logits.subspan(vocab);
  }
  return scored;
}

}  // namespace levin::runtime
