#include "serve/api/request_json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "serve/api/api_error.h"

namespace levin::serve::api {
namespace {

using text::JsonValue;
using Kind = text::JsonValue::Kind;

/// Counts brackets and commas outside of strings, without a look at the grammar.
void check_size(std::string_view body) {
  int64_t depth = 0;
  int64_t values = 1;
  bool is_in_string = false;
  for (size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (is_in_string) {
      i += c == '\\' ? 1 : 0;
      is_in_string = c != '"';
      continue;
    }
    is_in_string = c == '"';
    const bool opens = c == '{' || c == '[';
    depth += opens ? 1 : 0;
    depth -= c == '}' || c == ']' ? 1 : 0;
    values += opens || c == ',' ? 1 : 0;
    if (depth > kMaxJsonDepth) {
      throw invalid_format(
          fmt::format("the JSON body is nested deeper than {} levels", kMaxJsonDepth));
    }
    if (values > kMaxJsonValues) {
      throw invalid_format(fmt::format("the JSON body has more than {} values", kMaxJsonValues));
    }
  }
}

void append_key(std::string& path, std::string_view key) {
  path += path.empty() ? "" : ".";
  path += key;
}

void refuse_lone_surrogate(const std::string& text, const std::string& path) {
  if (text::replace_lone_surrogates(text) != text) {
    throw invalid_parameter(text::replace_lone_surrogates(path),
                            "a string holds half of a surrogate pair (\\ud800 to \\udfff alone), "
                            "which is no character");
  }
}

/// `path` grows and shrinks in place, because a body may have a million members below a key of
/// megabytes.
void check_strings(const JsonValue& value, std::string& path) {
  const size_t length = path.size();
  if (value.is(Kind::kString)) {
    refuse_lone_surrogate(value.text, path);
  }
  for (size_t i = 0; i < value.items.size(); ++i) {
    path += fmt::format("[{}]", i);
    check_strings(value.items[i], path);
    path.resize(length);
  }
  for (const text::JsonMember& member : value.members) {
    append_key(path, member.key);
    refuse_lone_surrogate(member.key, path);
    check_strings(member.value, path);
    path.resize(length);
  }
}

/// Nothing for another type and out of range.
std::optional<int64_t> try_integer(const JsonValue& value, int64_t least, int64_t most) {
  int64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  const auto [stopped, error] = std::from_chars(value.text.data(), end, number);
  const bool is_fine = value.is(Kind::kInteger) && error == std::errc() && stopped == end &&
                       number >= least && number <= most;
  return is_fine ? std::optional(number) : std::nullopt;
}

[[noreturn]] void throw_kind(const std::string& path, std::string_view wanted,
                             const JsonValue& got) {
  throw invalid_parameter(
      path, fmt::format("{} expected, got {}", wanted, text::json_kind_name(got.kind)));
}

}  // namespace

JsonValue parse_request_body(std::string_view body) {
  check_size(body);
  JsonValue root;
  try {
    root = text::parse_python_json(body, "body");
  } catch (const base::Error& error) {
    throw invalid_format(error.what());
  }
  if (!root.is(Kind::kObject)) {
    throw invalid_format(
        fmt::format("a JSON object expected, got {}", text::json_kind_name(root.kind)));
  }
  std::string path;
  check_strings(root, path);
  return root;
}

JsonFields::JsonFields(const JsonValue& object, std::string path)
    : object_(object), path_(std::move(path)) {
  if (!object.is(Kind::kObject)) {
    throw_kind(path_, "an object", object);
  }
}

const JsonValue* JsonFields::find(std::string_view key) const {
  const JsonValue* value = object_.find(key);
  return value == nullptr || value->is(Kind::kNull) ? nullptr : value;
}

std::string JsonFields::path_of(std::string_view key) const {
  std::string path = path_;
  append_key(path, key);
  return path;
}

std::optional<bool> JsonFields::boolean(std::string_view key) const {
  const JsonValue* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is(Kind::kBool)) {
    throw_kind(path_of(key), "true or false", *value);
  }
  return value->boolean;
}

std::optional<int64_t> JsonFields::integer(std::string_view key, int64_t least,
                                           int64_t most) const {
  const JsonValue* value = find(key);
  return value == nullptr ? std::nullopt
                          : std::optional(integer_value(*value, path_of(key), least, most));
}

std::optional<double> JsonFields::number(std::string_view key, double least, double most) const {
  const JsonValue* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  double number = value->number;
  if (value->is(Kind::kInteger)) {
    number = static_cast<double>(
        integer_value(*value, path_of(key), -(int64_t{1} << 53), int64_t{1} << 53));
  } else if (!value->is(Kind::kFloat)) {
    throw_kind(path_of(key), "a number", *value);
  }
  if (!std::isfinite(number) || number < least || number > most) {
    throw invalid_parameter(
        path_of(key), fmt::format("a number from {} to {} expected, got {}", least, most, number));
  }
  return number;
}

std::optional<std::string> JsonFields::string(std::string_view key) const {
  const JsonValue* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is(Kind::kString)) {
    throw_kind(path_of(key), "a string", *value);
  }
  return value->text;
}

const std::vector<JsonValue>* JsonFields::array(std::string_view key, size_t most_items) const {
  const JsonValue* value = find(key);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is(Kind::kArray)) {
    throw_kind(path_of(key), "an array", *value);
  }
  if (value->items.size() > most_items) {
    throw invalid_parameter(path_of(key), fmt::format("at most {} items expected, got {}",
                                                      most_items, value->items.size()));
  }
  return &value->items;
}

std::optional<JsonFields> JsonFields::object(std::string_view key) const {
  const JsonValue* value = find(key);
  return value == nullptr ? std::nullopt
                          : std::optional<JsonFields>(std::in_place, *value, path_of(key));
}

int64_t integer_value(const JsonValue& value, const std::string& path, int64_t least,
                      int64_t most) {
  if (!value.is(Kind::kInteger)) {
    throw_kind(path, "a whole number", value);
  }
  const std::optional<int64_t> number = try_integer(value, least, most);
  if (!number.has_value()) {
    throw invalid_parameter(path, fmt::format("a whole number from {} to {} expected, got {:.40}",
                                              least, most, value.text));
  }
  return *number;
}

std::vector<int32_t> token_ids(const std::vector<JsonValue>& items, const std::string& path,
                               int64_t vocab_size) {
  std::vector<int32_t> ids;
  ids.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    std::optional<int64_t> id = try_integer(items[i], 0, vocab_size - 1);
    if (!id.has_value()) {  // paths are only written down where something is wrong
      id = integer_value(items[i], fmt::format("{}[{}]", path, i), 0, vocab_size - 1);
    }
    ids.push_back(static_cast<int32_t>(*id));
  }
  return ids;
}

}  // namespace levin::serve::api
