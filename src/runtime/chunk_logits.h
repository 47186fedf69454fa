// Which rows of logits a planned chunk needs, and what they tell of its prompt.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/forward.h"
#include "runtime/sampler.h"
#include "runtime/sequence.h"

namespace levin::runtime {

/// True if the chunk's last row gives a token of the answer.
[[nodiscard]] bool gives_token(const PlannedChunk& chunk);

/// All rows of a prompt whose own log-probabilities are wanted, else the row that gives a token;
/// none of what is computed again.
[[nodiscard]] model::LogitsWanted logits_wanted(const PlannedChunk& chunk);

/// Rows of logits that logits_wanted makes of the chunk.
[[nodiscard]] int64_t logits_rows(const PlannedChunk& chunk);

/// Log-probabilities of the prompt's tokens from `first_pos` + 1 on, as far as `chunk_logits`
/// [rows, vocab_size] of the positions from `first_pos` on tell them. Throws as score does.
[[nodiscard]] std::vector<SampledToken> prompt_logprobs(const Request& request, int64_t first_pos,
                                                        std::span<const float> chunk_logits,
                                                        int64_t vocab_size);

}  // namespace levin::runtime
