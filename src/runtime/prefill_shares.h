// How much of which prompts a step computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace levin::runtime {

/// Tokens of prefill that a step may compute: `chunk_tokens` while nothing decodes. While others
/// decode, 256 for one of them down to 64 for four and more, so that none of them stalls.
[[nodiscard]] int64_t prefill_budget(int64_t decoding, int64_t chunk_tokens);

/// Rows of logits of all prompts together whose own log-probabilities are wanted, in a step: 128
/// rows of 129,280 floats are 66 MB. Answers that take a row each leave fewer of them.
inline constexpr int64_t kMostScoredRows = 128;
[[nodiscard]] int64_t scored_rows_budget(int64_t decoding);

/// Splits a budget over prompts with `remaining` tokens each: equal shares of at least 64 tokens,
/// beginning with prompt `first`; what short prompts leave goes to the others in that order.
[[nodiscard]] std::vector<int64_t> split_prefill(int64_t budget, std::span<const int64_t> remaining,
                                                 size_t first);

}  // namespace levin::runtime
