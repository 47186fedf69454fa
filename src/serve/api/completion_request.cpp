#include "serve/api/completion_request.h"

#include <fmt/format.h>

#include <utility>

#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

using text::JsonValue;
using Kind = text::JsonValue::Kind;

constexpr size_t kMaxPrompts = 128;
constexpr int64_t kMaxLogprobs = 20;

CompletionPrompt read_prompt(const JsonValue& value, const std::string& path, int64_t vocab_size) {
  if (value.is(Kind::kString)) {
    return value.text;
  }
  if (value.is(Kind::kArray)) {
    if (value.items.empty()) {
      throw invalid_parameter(path, "at least one token expected");
    }
    return token_ids(value.items, path, vocab_size);
  }
  throw invalid_parameter(path, "text or an array of token ids expected");
}

std::vector<CompletionPrompt> read_prompts(const JsonFields& fields, int64_t vocab_size) {
  const JsonValue* value = fields.find("prompt");
  if (value == nullptr) {
    throw invalid_parameter("prompt", "required, and missing");
  }
  const bool holds_prompts =
      value->is(Kind::kArray) && !value->items.empty() && !value->items.front().is(Kind::kInteger);
  if (!holds_prompts) {
    return {read_prompt(*value, "prompt", vocab_size)};
  }
  if (value->items.size() > kMaxPrompts) {
    throw invalid_parameter("prompt", fmt::format("at most {} prompts expected, got {}",
                                                  kMaxPrompts, value->items.size()));
  }
  std::vector<CompletionPrompt> prompts;
  for (const JsonValue& item : value->items) {
    prompts.push_back(read_prompt(item, fmt::format("prompt[{}]", prompts.size()), vocab_size));
  }
  return prompts;
}

/// What chat alone has; values that ask for nothing are taken.
void refuse_fields_of_chat(const JsonFields& fields) {
  const JsonValue* tools = fields.find("tools");
  if (tools != nullptr && !(tools->is(Kind::kArray) && tools->items.empty())) {
    throw invalid_parameter("tools", "completions call none; ask chat/completions");
  }
  const auto format = fields.object("response_format");
  if (format.has_value() && format->string("type") != "text") {
    throw invalid_parameter("response_format",
                            "completions are text; ask chat/completions for another form");
  }
  if (read_thinking(fields).value_or(false)) {
    throw invalid_parameter("thinking", "completions have no thinking mode; ask chat/completions");
  }
}

/// `logprobs`: a number, or false for none.
std::optional<int32_t> read_logprobs(const JsonFields& fields) {
  const JsonValue* value = fields.find("logprobs");
  if (value == nullptr || (value->is(Kind::kBool) && !value->boolean)) {
    return std::nullopt;
  }
  return static_cast<int32_t>(integer_value(*value, "logprobs", 0, kMaxLogprobs));
}

}  // namespace

CompletionRequest parse_completion_request(std::string_view body, int64_t vocab_size) {
  const JsonValue root = parse_request_body(body);
  const JsonFields fields(root, "");
  CompletionRequest request;
  request.echoes = fields.boolean("echo").value_or(false);
  request.common = read_common_fields(fields, request.echoes ? 0 : 1);
  refuse_fields_of_chat(fields);
  request.prompts = read_prompts(fields, vocab_size);
  request.suffix = fields.string("suffix");
  request.logprobs = read_logprobs(fields);
  if (request.suffix.has_value() && request.echoes) {
    throw invalid_parameter("echo", "not available together with \"suffix\"");
  }
  return request;
}

}  // namespace levin::serve::api
