#include "json_validator.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "text/regex.h"

namespace levin::generation {
namespace {

using nlohmann::json;

bool is_of_type(const json& value, const std::string& type) {
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
         (type == "integer" && value.is_number_integer()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

/// The pattern with ^ and $, which text::Regex does not take, as the ends of the text.
std::string with_text_anchors(const std::string& pattern) {
  std::string result;
  bool is_in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char current = pattern[i];
    if (current == '\\' && i + 1 < pattern.size()) {
      result += pattern.substr(i, 2);
      ++i;
      continue;
    }
    is_in_class = current == '[' || (is_in_class && current != ']');
    if (!is_in_class && (current == '^' || current == '$')) {
      result += current == '^' ? "\\A" : "\\z";
    } else {
      result += current;
    }
  }
  return result;
}

bool has_match(const std::string& pattern, const std::string& text) {
  text::RegexScratch scratch;
  return text::Regex(with_text_anchors(pattern), "pattern").find(text, 0, scratch).has_value();
}

bool is_date(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  char rest = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2u-%2u%c", &year, &month, &day, &rest);
  return text.size() == 10 && read == 3 && year > 0 &&
         std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(day))
             .ok();
}

bool is_time(const std::string& text) {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int length = 0;
  const int read = std::sscanf(text.c_str(), "%2d:%2d:%2d%n", &hour, &minute, &second, &length);
  return read == 3 && length == 8 && hour < 24 && minute < 60 && second < 60 &&
         has_match("^(\\.[0-9]+)?(Z|[+-][0-9][0-9]:[0-9][0-9])$", text.substr(8));
}

bool has_format(const std::string& text, const std::string& format) {
  std::array<char, 16> address{};
  if (format == "ipv4") {
    return inet_pton(AF_INET, text.c_str(), address.data()) == 1;
  }
  if (format == "ipv6") {
    return inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
  }
  if (format == "date") {
    return is_date(text);
  }
  if (format == "time") {
    return is_time(text);
  }
  if (format == "date-time") {
    return text.size() > 11 && text[10] == 'T' && is_date(text.substr(0, 10)) &&
           is_time(text.substr(11));
  }
  if (format == "uuid") {
    return text.size() == 36 && has_match("^[0-9a-fA-F]+(-[0-9a-fA-F]+){4}$", text);
  }
  const bool is_short = text.size() <= 253;
  const std::string host = "[A-Za-z0-9-]{1,63}(\\.[A-Za-z0-9-]{1,63})*";
  if (format == "hostname") {
    return is_short && has_match("^" + host + "$", text) && !has_match("(^|\\.)-|-(\\.|$)", text);
  }
  return format == "email" && is_short && has_match("^[^@\\s.][^@\\s]{0,63}@" + host + "$", text);
}

size_t length_of(const std::string& text) {
  size_t length = 0;
  for (const char byte : text) {
    length += (static_cast<uint8_t>(byte) & 0xC0U) != 0x80 ? 1 : 0;
  }
  return length;
}

bool is_multiple(double value, double of) {
  const double ratio = value / of;
  return std::abs(ratio - std::round(ratio)) < 1e-6;
}

/// Keywords of values that contain no others.
std::string misfit_of_scalar(const json& value, const std::string& keyword, const json& wanted) {
  bool fits = true;
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    fits = (keyword != "pattern" || has_match(wanted.get<std::string>(), text)) &&
           (keyword != "format" || has_format(text, wanted.get<std::string>())) &&
           (keyword != "minLength" || length_of(text) >= wanted.get<size_t>()) &&
           (keyword != "maxLength" || length_of(text) <= wanted.get<size_t>());
  } else if (value.is_number() && wanted.is_number()) {
    const auto number = value.get<double>();
    const auto bound = wanted.get<double>();
    fits = (keyword != "minimum" || number >= bound) && (keyword != "maximum" || number <= bound) &&
           (keyword != "exclusiveMinimum" || number > bound) &&
           (keyword != "exclusiveMaximum" || number < bound) &&
           (keyword != "multipleOf" || is_multiple(number, bound));
  } else if (value.is_array()) {
    fits = (keyword != "minItems" || value.size() >= wanted.get<size_t>()) &&
           (keyword != "maxItems" || value.size() <= wanted.get<size_t>());
  }
  return fits ? "" : value.dump() + " breaks " + keyword + " " + wanted.dump();
}

bool fits_any(const json& value, const json& schemas, const json& root) {
  return std::any_of(schemas.begin(), schemas.end(),
                     [&](const json& schema) { return misfit(value, schema, root).empty(); });
}

std::string misfit_of_members(const json& value, const json& schema, const json& root) {
  const json properties = schema.value("properties", json::object());
  const json others = schema.value("additionalProperties", json(true));
  for (const auto& [key, member] : value.items()) {
    std::string problem = misfit(member, properties.contains(key) ? properties[key] : others, root);
    if (!problem.empty()) {
      return fmt::format("{}/{}", key, problem);
    }
  }
  for (const json& key : schema.value("required", json::array())) {
    if (!value.contains(key.get<std::string>())) {
      return "lacks " + key.dump();
    }
  }
  return {};
}

std::string misfit_of_items(const json& value, const json& schema, const json& root) {
  for (const json& item : value) {
    std::string problem = misfit(item, schema, root);
    if (!problem.empty()) {
      return "[]/" + problem;
    }
  }
  return {};
}

std::string misfit_of_keyword(const json& value, const std::string& keyword, const json& wanted,
                              const json& schema, const json& root) {
  if (keyword == "$ref") {
    return misfit(value, root.at(json::json_pointer(wanted.get<std::string>().substr(1))), root);
  }
  if (keyword == "type") {
    const json types = wanted.is_array() ? wanted : json::array({wanted});
    const bool fits = std::any_of(types.begin(), types.end(), [&](const json& type) {
      return is_of_type(value, type.get<std::string>());
    });
    return fits ? "" : value.dump() + " is no " + wanted.dump();
  }
  if (keyword == "anyOf") {
    return fits_any(value, wanted, root) ? "" : value.dump() + " fits none of anyOf";
  }
  if (keyword == "allOf") {
    return misfit(value, wanted.at(0), root);
  }
  if (keyword == "const") {
    return value == wanted ? "" : value.dump() + " is not " + wanted.dump();
  }
  if (keyword == "enum") {
    const bool fits = std::find(wanted.begin(), wanted.end(), value) != wanted.end();
    return fits ? "" : value.dump() + " is not in " + wanted.dump();
  }
  if (keyword == "items" && value.is_array()) {
    return misfit_of_items(value, wanted, root);
  }
  const bool is_about_members =
      keyword == "properties" || keyword == "required" || keyword == "additionalProperties";
  if (is_about_members && value.is_object()) {
    return misfit_of_members(value, schema, root);
  }
  return misfit_of_scalar(value, keyword, wanted);
}

}  // namespace

std::string misfit(const json& value, const json& schema, const json& root) {
  if (schema.is_boolean()) {
    return schema.get<bool>() ? "" : "nothing fits false";
  }
  for (const auto& [keyword, wanted] : schema.items()) {
    std::string problem = misfit_of_keyword(value, keyword, wanted, schema, root);
    if (!problem.empty()) {
      return problem;
    }
  }
  return {};
}

std::string misfit_of_text(const std::string& text, const json& schema) {
  const json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? "no JSON: " + text : misfit(value, schema, schema);
}

}  // namespace levin::generation
