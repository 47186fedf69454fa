#include "serve/api/common_fields.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "base/random.h"
#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

using text::JsonValue;
using Kind = text::JsonValue::Kind;

constexpr size_t kMaxStopStrings = 16;
constexpr size_t kMaxStopBytes = 1024;  // the end of the answer is compared with each
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();

std::string required_string(const JsonFields& fields, std::string_view key) {
  std::optional<std::string> value = fields.string(key);
  if (!value.has_value() || value->empty()) {
    throw invalid_parameter(fields.path_of(key), "required, and missing or empty");
  }
  return *std::move(value);
}

const std::string& stop_string(const JsonValue& value) {
  if (!value.is(Kind::kString) || value.text.empty() || value.text.size() > kMaxStopBytes) {
    throw invalid_parameter(
        "stop",
        fmt::format("strings of 1 to {} bytes expected, got {}", kMaxStopBytes,
                    value.is(Kind::kString) ? fmt::format("{} bytes", value.text.size())
                                            : std::string(text::json_kind_name(value.kind))));
  }
  return value.text;
}

std::vector<std::string> read_stop(const JsonFields& fields) {
  std::vector<std::string> stop;
  const JsonValue* value = fields.find("stop");
  if (value == nullptr) {
    return stop;
  }
  if (value->is(Kind::kString)) {
    stop.push_back(stop_string(*value));
  } else if (value->is(Kind::kArray) && value->items.size() <= kMaxStopStrings) {
    for (const JsonValue& item : value->items) {
      stop.push_back(stop_string(item));
    }
  } else {
    throw invalid_parameter(
        "stop", fmt::format("a string or at most {} strings expected", kMaxStopStrings));
  }
  return stop;
}

runtime::SamplingParams read_sampling(const JsonFields& fields) {
  runtime::SamplingParams sampling;
  sampling.top_logprobs = -1;
  sampling.temperature = fields.number("temperature", 0, 2).value_or(1.0);
  sampling.top_p = fields.number("top_p", 0, 1).value_or(1.0);
  if (sampling.top_p <= 0) {
    throw invalid_parameter("top_p", "a number above 0 and up to 1 expected, got 0");
  }
  sampling.top_k = fields.integer("top_k", 0, kMost).value_or(0);
  sampling.min_p = fields.number("min_p", 0, 1).value_or(0);
  sampling.frequency_penalty = fields.number("frequency_penalty", -2, 2).value_or(0);
  sampling.presence_penalty = fields.number("presence_penalty", -2, 2).value_or(0);
  sampling.repetition_penalty = fields.number("repetition_penalty", 0.01, 100).value_or(1);
  const std::optional<int64_t> seed = fields.integer("seed", std::numeric_limits<int64_t>::min(),
                                                     std::numeric_limits<int64_t>::max());
  sampling.seed = seed.has_value() ? static_cast<uint64_t>(*seed) : base::random_seed();
  return sampling;
}

/// Empty arrays and objects ask for nothing.
bool is_empty(const JsonValue& value) {
  return (value.is(Kind::kObject) && value.members.empty()) ||
         (value.is(Kind::kArray) && value.items.empty());
}

/// ["text"]
bool is_text_alone(const JsonValue& modalities) {
  return modalities.is(Kind::kArray) && modalities.items.size() == 1 &&
         modalities.items[0].is(Kind::kString) && modalities.items[0].text == "text";
}

void refuse_what_is_not_there(const JsonFields& fields) {
  for (const std::string_view key : {"n", "best_of"}) {
    if (fields.integer(key, 1, kMost).value_or(1) != 1) {
      throw invalid_parameter(
          std::string(key),
          "one answer a request is supported; send the request again for another");
    }
  }
  for (const std::string_view key : {"logit_bias", "functions", "function_call", "audio",
                                     "prediction", "modalities", "web_search_options"}) {
    const JsonValue* value = fields.find(key);
    if (value != nullptr && !is_empty(*value) && !(key == "modalities" && is_text_alone(*value))) {
      throw invalid_parameter(std::string(key), "not supported by this server; leave it out");
    }
  }
}

}  // namespace

CommonFields read_common_fields(const JsonFields& fields, int64_t least_max_tokens) {
  CommonFields common;
  common.model = required_string(fields, "model");
  refuse_what_is_not_there(fields);
  common.sampling = read_sampling(fields);
  common.max_tokens = fields.integer("max_tokens", least_max_tokens, kMost);
  if (const auto newer_name = fields.integer("max_completion_tokens", least_max_tokens, kMost)) {
    common.max_tokens = newer_name;
  }
  common.stop = read_stop(fields);
  common.streams = fields.boolean("stream").value_or(false);
  if (const auto options = fields.object("stream_options")) {
    if (!common.streams) {
      throw invalid_parameter("stream_options", "only allowed together with \"stream\": true");
    }
    common.include_usage = options->boolean("include_usage").value_or(false);
    common.include_progress = options->boolean("include_progress").value_or(false);
  }
  return common;
}

std::optional<bool> read_thinking(const JsonFields& fields) {
  const std::optional<JsonFields> thinking = fields.object("thinking");
  if (!thinking.has_value()) {
    return std::nullopt;
  }
  const std::string type = thinking->string("type").value_or("");
  if (type != "enabled" && type != "disabled") {
    throw invalid_parameter("thinking.type", "\"enabled\" or \"disabled\" expected");
  }
  return type == "enabled";
}

}  // namespace levin::serve::api
