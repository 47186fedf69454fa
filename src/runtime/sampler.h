// From logits to a token. Randomness is a function of (seed, position): batching, preemption and
// resume never change a text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/integers.h"

namespace levin::runtime {

struct SamplingParams {
  double temperature = 0.0;         ///< 0: greedy
  int64_t top_k = 0;                ///< 0: off
  double top_p = 1.0;               ///< 1: off
  double min_p = 0.0;               ///< 0: off; keeps p >= min_p * largest p
  double repetition_penalty = 1.0;  ///< divides positive, multiplies negative logits of seen tokens
  double frequency_penalty = 0.0;   ///< times how often the answer holds the token
  double presence_penalty = 0.0;    ///< once if the answer holds the token
  uint64_t seed = 0;
  int32_t top_logprobs = 0;          ///< how many alternatives to report; -1: no logprobs at all
  bool wants_sampling_mask = false;  ///< report which tokens could have been drawn

  /// Throws Error(kInvalidArgument) naming the parameter and its range.
  void validate() const;
};

/// One bit per token id; a clear bit forbids the token.
class TokenMask {
 public:
  explicit TokenMask(int64_t vocab_size)
      : bits_(static_cast<size_t>(base::ceil_div(vocab_size, 64))) {}
  /// Tokens that the mask can speak of: vocab_size, rounded up to a multiple of 64.
  [[nodiscard]] int64_t capacity() const noexcept {
    return static_cast<int64_t>(bits_.size()) * 64;
  }
  void allow(int32_t token) { bits_[static_cast<size_t>(token) / 64] |= bit(token); }
  [[nodiscard]] bool allows(int32_t token) const {
    return (bits_[static_cast<size_t>(token) / 64] & bit(token)) != 0;
  }

 private:
  static uint64_t bit(int32_t token) { return uint64_t{1} << (static_cast<uint32_t>(token) % 64); }
  std::vector<uint64_t> bits_;
};

struct TokenLogprob {
  int32_t token = 0;
  float logprob = 0.0F;
};

struct SampledToken {
  int32_t token = 0;
  /// Log-probability under softmax(logits), before temperature, penalties and truncation.
  float logprob = 0.0F;
  std::vector<TokenLogprob> top_logprobs;
  /// Tokens that the truncated distribution could have drawn, ascending (if asked for).
  std::vector<int32_t> sampling_mask;
};

/// The log-probability of `token` under softmax(logits), with that many alternatives. Throws
/// Error(kInvalidFile) if no logit is finite.
SampledToken score(std::span<const float> logits, int32_t token, int32_t top_logprobs);

/// Draws the token at absolute position `position` of its sequence.
///   logits   [vocab_size]; not changed
///   history  prompt and answer so far (repetition penalty)
///   generated  the answer so far (frequency and presence penalties)
///   mask     null: every token is allowed
/// Order: penalties, mask, temperature, top-k, top-p, min-p. Ties go to the lower id.
/// Logits that are not finite count as forbidden.
/// Throws Error(kInvalidArgument) if the mask is too short or forbids everything, and
/// Error(kInvalidFile) if no logit is finite: the weights are damaged.
SampledToken sample(std::span<const float> logits, const SamplingParams& params,
                    std::span<const int32_t> history, std::span<const int32_t> generated,
                    int64_t position, const TokenMask* mask);

}  // namespace levin::runtime
