#include "model/config_fields.h"

#include <cmath>

namespace levin::model {

using base::ErrorCode;
using nlohmann::json;

namespace {

/// The value as JSON, cut to a length that fits a message.
std::string describe(const json& value) {
  constexpr size_t kMaxLength = 80;
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true);
  if (text.size() > kMaxLength) {
    text = text.substr(0, kMaxLength) + "...";
  }
  return text;
}

bool is_whole_number_in(const json& value, int64_t min, int64_t max) {
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    return false;
  }
  return value.is_number_integer() && value.get<int64_t>() >= min && value.get<int64_t>() <= max;
}

}  // namespace

const json* ConfigFields::find(const char* key) {
  known_.emplace(key);
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

int64_t ConfigFields::integer(const char* key, int64_t min, int64_t max) {
  const json* value = find(key);
  if (value == nullptr || !is_whole_number_in(*value, min, max)) {
    invalid(key, "a whole number from {} to {}", min, max);
  }
  return value->get<int64_t>();
}

int64_t ConfigFields::integer_or(const char* key, int64_t min, int64_t max, int64_t fallback) {
  return has(key) ? integer(key, min, max) : fallback;
}

double ConfigFields::number(const char* key, double min, double max) {
  const json* value = find(key);
  if (value == nullptr || !value->is_number() || !(value->get<double>() >= min) ||
      !(value->get<double>() <= max)) {
    invalid(key, "a number from {} to {}", min, max);
  }
  return value->get<double>();
}

double ConfigFields::number_or(const char* key, double min, double max, double fallback) {
  return has(key) ? number(key, min, max) : fallback;
}

bool ConfigFields::boolean_or(const char* key, bool fallback) {
  const json* value = find(key);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_boolean()) {
    invalid(key, "true or false");
  }
  return value->get<bool>();
}

std::string ConfigFields::string_or(const char* key, const std::string& fallback) {
  const json* value = find(key);
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_string()) {
    invalid(key, "a string");
  }
  return value->get<std::string>();
}

std::vector<std::string> ConfigFields::strings(const char* key) {
  std::vector<std::string> values;
  const json* list = find(key);
  if (list == nullptr) {
    return values;
  }
  if (!list->is_array()) {
    invalid(key, "a list of strings");
  }
  for (const json& value : *list) {
    if (!value.is_string()) {
      invalid(key, "a list of strings");
    }
    values.push_back(value.get<std::string>());
  }
  return values;
}

std::vector<int64_t> ConfigFields::integers(const char* key, int64_t max) {
  std::vector<int64_t> values;
  const json* found = find(key);
  if (found == nullptr) {
    return values;
  }
  const json list = found->is_array() ? *found : json::array({*found});
  for (const json& value : list) {
    if (!is_whole_number_in(value, 0, max)) {
      invalid(key, "a whole number from 0 to {}, or a list of such", max);
    }
    values.push_back(value.get<int64_t>());
  }
  return values;
}

std::optional<ConfigFields> ConfigFields::object(const char* key) {
  const json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (!value->is_object()) {
    invalid(key, "an object or null");
  }
  return ConfigFields(*value, where_, prefix_ + key + ".");
}

void ConfigFields::require(const char* key, const json& supported) {
  const json* value = find(key);
  if (value != nullptr && *value != supported) {
    fail(ErrorCode::kUnsupported, key, describe(supported) + ", the only value supported");
  }
}

void ConfigFields::ignore(std::initializer_list<const char*> keys) {
  known_.insert(keys.begin(), keys.end());
}

std::vector<std::string> ConfigFields::unknown_keys() const {
  std::vector<std::string> unknown;
  for (const auto& item : object_.items()) {
    if (!known_.contains(item.key())) {
      unknown.push_back(prefix_ + item.key());
    }
  }
  return unknown;
}

void ConfigFields::fail(ErrorCode code, const char* key, const std::string& wanted) const {
  const auto found = object_.find(key);
  base::throw_error(code, where_, "{}{} is {}, expected {}", prefix_, key,
                    found == object_.end() ? "missing" : describe(*found), wanted);
}

}  // namespace levin::model
