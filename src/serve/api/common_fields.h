// The parameters that chat and text completions share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/sampler.h"
#include "serve/api/request_json.h"

namespace levin::serve::api {

struct CommonFields {
  std::string model;
  runtime::SamplingParams sampling;   ///< without logprobs
  std::optional<int64_t> max_tokens;  ///< also `max_completion_tokens`
  std::vector<std::string> stop;      ///< at most 16
  bool streams = false;
  bool include_usage = false;     ///< stream_options: a last chunk with the usage alone
  bool include_progress = false;  ///< stream_options: chunks that tell how far the prompt is read
};

/// Reads them with their defaults (temperature 1, top_p 1, no penalties, a random seed). Besides
/// DeepSeek's parameters: seed, top_k, min_p, repetition_penalty. Parameters of OpenAI that would
/// change the answer and are not there (n, best_of, logit_bias, ...) are refused by name; others
/// that are unknown are ignored, as DeepSeek does. `least_max_tokens` is 0 or 1.
/// Throws ApiError 422 naming the field.
[[nodiscard]] CommonFields read_common_fields(const JsonFields& fields, int64_t least_max_tokens);

/// `thinking`: {"type": "enabled"} or {"type": "disabled"}; nothing if it is missing. Throws
/// ApiError 422 naming the field.
[[nodiscard]] std::optional<bool> read_thinking(const JsonFields& fields);

}  // namespace levin::serve::api
