// Sequences and steps for tests of the scheduler, which have no model.
#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "runtime/chunk_logits.h"
#include "runtime/scheduler.h"

namespace levin::runtime::testing {

inline std::unique_ptr<Sequence> make_sequence(RequestId id, int64_t prompt_tokens,
                                               int64_t max_new_tokens, int32_t first_token = 0) {
  auto sequence = std::make_unique<Sequence>();
  sequence->id = id;
  sequence->request.prompt.resize(static_cast<size_t>(prompt_tokens));
  std::iota(sequence->request.prompt.begin(), sequence->request.prompt.end(), first_token);
  sequence->tokens = sequence->request.prompt;
  sequence->max_tokens = prompt_tokens + max_new_tokens;
  return sequence;
}

/// What a step is made of: (id, tokens), decode steps with 0 tokens.
using Parts = std::vector<std::pair<RequestId, int64_t>>;

inline Parts shape(const std::vector<PlannedChunk>& chunks) {
  Parts parts;
  parts.reserve(chunks.size());
  for (const PlannedChunk& chunk : chunks) {
    const bool is_answer = chunk.is_decode && !chunk.is_recomputed;
    parts.emplace_back(chunk.sequence->id, is_answer ? 0 : chunk.tokens);
  }
  return parts;
}

/// Takes pages for the chunks, commits them and gives every sequence that is due one a token.
inline void run(Scheduler& scheduler, const std::vector<PlannedChunk>& chunks) {
  for (const PlannedChunk& chunk : chunks) {
    const bool is_due = gives_token(chunk);
    chunk.take_pages();
    scheduler.commit(chunk);
    if (is_due) {
      chunk.sequence->tokens.push_back(1);
      chunk.sequence->generated.push_back(1);
    }
  }
}

}  // namespace levin::runtime::testing
