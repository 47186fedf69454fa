// The body of POST completions: text to go on with, a gap to fill, or text to score.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "serve/api/common_fields.h"

namespace levin::serve::api {

/// A prompt as text, or as ids that are used as they are.
using CompletionPrompt = std::variant<std::string, std::vector<int32_t>>;

struct CompletionRequest {
  CommonFields common;
  std::vector<CompletionPrompt> prompts;  ///< one answer for each
  std::optional<std::string> suffix;      ///< fill in the middle
  bool echoes = false;                    ///< the answer begins with the prompt
  std::optional<int32_t> logprobs;        ///< with so many alternatives
};

/// `vocab_size` bounds ids in prompts. Throws ApiError 400 for what is no JSON object, 422 naming
/// the field for the rest.
[[nodiscard]] CompletionRequest parse_completion_request(std::string_view body, int64_t vocab_size);

}  // namespace levin::serve::api
