#include "generation/json_schema_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace levin::generation {
namespace {

using text::JsonValue;

constexpr int64_t kMaxCount = 1'000'000;

constexpr std::array<std::string_view, 7> kTypes = {"object",  "array",   "string", "number",
                                                    "integer", "boolean", "null"};

/// Keywords that say nothing about which values fit.
constexpr std::array<std::string_view, 14> kAnnotations = {
    "title",    "description", "default",     "examples",   "example",  "$schema",   "$id",
    "$comment", "$defs",       "definitions", "deprecated", "readOnly", "writeOnly", "nullable"};

}  // namespace

void fail_schema(const SchemaPlace* place, std::string_view problem) {
  base::throw_error(base::ErrorCode::kInvalidArgument, place_text(place), "{}", problem);
}

void SchemaReader::fail_at(std::string_view keyword, std::string_view problem) const {
  const SchemaPlace place{place_, std::string(keyword)};
  fail_schema(&place, problem);
}

const std::vector<std::string_view>& keywords_of_type(std::string_view type) {
  static const std::vector<std::string_view> object = {"properties", "required",
                                                       "additionalProperties"};
  static const std::vector<std::string_view> array = {"items", "minItems", "maxItems",
                                                      "uniqueItems"};
  static const std::vector<std::string_view> string = {"pattern", "format", "minLength",
                                                       "maxLength"};
  static const std::vector<std::string_view> number = {"minimum", "maximum", "exclusiveMinimum",
                                                       "exclusiveMaximum", "multipleOf"};
  static const std::vector<std::string_view> none;
  return type == "object"                        ? object
         : type == "array"                       ? array
         : type == "string"                      ? string
         : type == "number" || type == "integer" ? number
                                                 : none;
}

bool SchemaReader::has_any(std::span<const std::string_view> keywords) const {
  return std::ranges::any_of(keywords, [&](std::string_view keyword) { return has(keyword); });
}

void SchemaReader::check_keywords(std::initializer_list<std::string_view> allowed,
                                  std::string_view beside_what) const {
  for (const text::JsonMember& member : schema_.members) {
    if (std::ranges::find(kAnnotations, member.key) == kAnnotations.end() &&
        std::ranges::find(allowed, member.key) == allowed.end()) {
      fail_schema(place_,
                  fmt::format("the keyword \"{}\" is not supported{}", member.key, beside_what));
    }
  }
}

const JsonValue* SchemaReader::find(std::string_view keyword, JsonValue::Kind kind,
                                    std::string_view wanted) const {
  const JsonValue* value = schema_.find(keyword);
  if (value != nullptr && !value->is(kind)) {
    fail_at(keyword, fmt::format("{} expected, got {}", wanted, json_kind_name(value->kind)));
  }
  return value;
}

std::optional<std::string> SchemaReader::text(std::string_view keyword) const {
  const JsonValue* value = find(keyword, JsonValue::Kind::kString, "a string");
  return value == nullptr ? std::nullopt
                          : std::optional(text::replace_lone_surrogates(value->text));
}

std::optional<int64_t> SchemaReader::count(std::string_view keyword) const {
  const JsonValue* value = find(keyword, JsonValue::Kind::kInteger, "a whole number");
  if (value == nullptr) {
    return std::nullopt;
  }
  int64_t count = -1;
  const char* end = value->text.data() + value->text.size();
  const auto read = std::from_chars(value->text.data(), end, count);
  if (read.ec != std::errc() || count < 0 || count > kMaxCount) {
    fail_at(keyword, fmt::format("a whole number from 0 to {} expected", kMaxCount));
  }
  return count;
}

std::optional<Decimal> SchemaReader::decimal(std::string_view keyword) const {
  const JsonValue* value = schema_.find(keyword);
  if (value == nullptr) {
    return std::nullopt;
  }
  std::optional<Decimal> made;
  if (value->is(JsonValue::Kind::kInteger) ||
      (value->is(JsonValue::Kind::kFloat) && std::isfinite(value->number))) {
    made = parse_decimal(write_python_json(*value));
  }
  if (!made) {
    fail_at(keyword, "a number up to 1e100 either way expected");
  }
  return made;
}

bool SchemaReader::flag(std::string_view keyword) const {
  const JsonValue* value = find(keyword, JsonValue::Kind::kBool, "true or false");
  return value != nullptr && value->boolean;
}

const std::vector<JsonValue>& SchemaReader::list(std::string_view keyword) const {
  const JsonValue* value = find(keyword, JsonValue::Kind::kArray, "an array");
  if (value == nullptr || value->items.empty()) {
    fail_at(keyword, "an array with at least one entry expected");
  }
  return value->items;
}

std::vector<std::string> SchemaReader::texts(std::string_view keyword) const {
  std::vector<std::string> made;
  const JsonValue* value = find(keyword, JsonValue::Kind::kArray, "an array of strings");
  for (size_t idx = 0; value != nullptr && idx < value->items.size(); ++idx) {
    if (!value->items[idx].is(JsonValue::Kind::kString)) {
      const SchemaPlace list{place_, std::string(keyword)};
      const SchemaPlace item{&list, std::to_string(idx)};
      fail_schema(&item, "a string expected");
    }
    made.push_back(value->items[idx].text);
  }
  return made;
}

std::vector<std::string> SchemaReader::types() const {
  std::vector<std::string> made;
  const JsonValue* type = schema_.find("type");
  if (type == nullptr) {
    for (const std::string_view candidate : {"object", "array", "string", "number"}) {
      if (has_any(keywords_of_type(candidate))) {
        made.emplace_back(candidate);
      }
    }
    return made;
  }
  const bool is_one = type->is(JsonValue::Kind::kString);
  for (const std::string& name : is_one ? std::vector{type->text} : texts("type")) {
    if (std::ranges::find(kTypes, name) == kTypes.end()) {
      fail_at("type", fmt::format("there is no type \"{}\"", name));
    }
    if (std::ranges::find(made, name) == made.end()) {
      made.push_back(name);
    }
  }
  return made;
}

}  // namespace levin::generation
