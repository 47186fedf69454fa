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

std::vector<int32_t> read_ids(const JsonValue& array, const std::string& path, int64_t vocab_size) {
  std::vector<int32_t> ids;
  ids.reserve(array.items.size());
  for (size_t i = 0; i < array.items.size(); ++i) {
    const JsonValue& item = array.items[i];
    // Paths are only written down where something is wrong.
    const bool is_fine = item.is(Kind::kInteger) && item.text.size() < 10;
    ids.push_back(static_cast<int32_t>(
        integer_value(item, is_fine ? path : fmt::format("{}[{}]", path, i), 0, vocab_size - 1)));
  }
  if (ids.empty()) {
    throw invalid_parameter(path, "at least one token expected");
  }
  return ids;
}

CompletionPrompt read_prompt(const JsonValue& value, const std::string& path, int64_t vocab_size) {
  if (value.is(Kind::kString)) {
    return value.text;
  }
  if (value.is(Kind::kArray)) {
    return read_ids(value, path, vocab_size);
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

}  // namespace

CompletionRequest parse_completion_request(std::string_view body, int64_t vocab_size) {
  const JsonValue root = parse_request_body(body);
  const JsonFields fields(root, "");
  CompletionRequest request;
  request.echoes = fields.boolean("echo").value_or(false);
  request.common = read_common_fields(fields, request.echoes ? 0 : 1);
  request.prompts = read_prompts(fields, vocab_size);
  request.suffix = fields.string("suffix");
  if (const auto logprobs = fields.integer("logprobs", 0, kMaxLogprobs)) {
    request.logprobs = static_cast<int32_t>(*logprobs);
  }
  if (request.suffix.has_value() && request.echoes) {
    throw invalid_parameter("echo", "not available together with \"suffix\"");
  }
  return request;
}

}  // namespace levin::serve::api
