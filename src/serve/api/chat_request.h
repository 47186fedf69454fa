// The body of POST chat/completions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "serve/api/common_fields.h"
#include "text/chat_message.h"
#include "text/python_json.h"

namespace levin::serve::api {

struct ResponseFormat {
  enum class Kind { kText, kJsonObject, kJsonSchema };
  Kind kind = Kind::kText;
  text::JsonValue schema;  ///< with kJsonSchema
};

struct ToolChoice {
  enum class Kind { kNone, kAuto, kRequired, kFunction };
  Kind kind = Kind::kNone;
  std::string function;  ///< with kFunction
};

struct ChatRequest {
  CommonFields common;
  text::Conversation conversation;  ///< messages and the functions of `tools`
  std::optional<bool> is_thinking;  ///< "thinking"; nothing: as the model's name says
  ResponseFormat response_format;
  ToolChoice tool_choice;
  bool allows_parallel_calls = true;  ///< false: an answer calls one tool at most
  bool wants_logprobs = false;
  int32_t top_logprobs = 0;
};

/// Throws ApiError 400 for what is no JSON object, 422 naming the field for the rest.
[[nodiscard]] ChatRequest parse_chat_request(std::string_view body);

}  // namespace levin::serve::api
