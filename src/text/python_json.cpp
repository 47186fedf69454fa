#include "text/python_json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/utf8.h"
#include "text/wtf8.h"

namespace levin::text {
namespace {

bool has_lone_surrogate(std::string_view text) { return !base::is_valid_utf8(text); }

bool has_lone_surrogate(const JsonValue& value) {
  if (value.is(JsonValue::Kind::kString)) {
    return has_lone_surrogate(value.text);
  }
  for (const JsonValue& item : value.items) {
    if (has_lone_surrogate(item)) {
      return true;
    }
  }
  for (const JsonMember& member : value.members) {
    if (has_lone_surrogate(member.key) || has_lone_surrogate(member.value)) {
      return true;
    }
  }
  return false;
}

/// repr() of a float: the shortest digits that read back, positional between 1e-4 and 1e16.
void append_float(std::string& out, double number) {
  if (std::isinf(number)) {
    out += number < 0 ? "-Infinity" : "Infinity";
    return;
  }
  const double magnitude = std::fabs(number);
  const bool is_positional = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
  std::array<char, 64> buffer{};
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                    is_positional ? std::chars_format::fixed : std::chars_format::scientific);
  const std::string_view digits(buffer.data(), static_cast<size_t>(result.ptr - buffer.data()));
  out += digits;
  if (is_positional && digits.find('.') == std::string_view::npos) {
    out += ".0";
  }
}

void append_escaped_units(std::string& out, char32_t code_point) {
  if (code_point >= 0x10000) {
    const uint32_t offset = code_point - 0x10000;
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF));
    return;
  }
  out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code_point));
}

void append_string(std::string& out, std::string_view text, bool ensure_ascii) {
  constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b";
  constexpr std::string_view kLetters = "\"\\nrtfb";
  out += '"';
  while (!text.empty()) {
    const WtfChar current = first_wtf8_char(text);
    const size_t escape = current.length == 1 ? kEscaped.find(text[0]) : std::string_view::npos;
    if (escape != std::string_view::npos) {
      out += '\\';
      out += kLetters[escape];
    } else if (current.code_point < 0x20 || (ensure_ascii && current.code_point > 0x7E)) {
      append_escaped_units(out, current.code_point);
    } else {
      out += text.substr(0, current.length);
    }
    text.remove_prefix(current.length);
  }
  out += '"';
}

void append_value(std::string& out, const JsonValue& value, bool ensure_ascii) {
  switch (value.kind) {
    case JsonValue::Kind::kNull:
      out += "null";
      break;
    case JsonValue::Kind::kBool:
      out += value.boolean ? "true" : "false";
      break;
    case JsonValue::Kind::kInteger:
      out += value.text;
      break;
    case JsonValue::Kind::kFloat:
      append_float(out, value.number);
      break;
    case JsonValue::Kind::kString:
      append_string(out, value.text, ensure_ascii);
      break;
    case JsonValue::Kind::kArray: {
      const char* separator = "[";
      for (const JsonValue& item : value.items) {
        out += std::exchange(separator, ", ");
        append_value(out, item, ensure_ascii);
      }
      out += value.items.empty() ? "[]" : "]";
      break;
    }
    case JsonValue::Kind::kObject: {
      const char* separator = "{";
      for (const JsonMember& member : value.members) {
        out += std::exchange(separator, ", ");
        append_string(out, member.key, ensure_ascii);
        out += ": ";
        append_value(out, member.value, ensure_ascii);
      }
      out += value.members.empty() ? "{}" : "}";
      break;
    }
  }
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const noexcept {
  for (const JsonMember& member : members) {
    if (member.key == key) {
      return &member.value;
    }
  }
  return nullptr;
}

std::string_view json_kind_name(JsonValue::Kind kind) noexcept {
  constexpr std::array<std::string_view, 7> kNames = {
      "null", "true or false", "an integer", "a number", "a string", "an array", "an object"};
  return kNames[static_cast<size_t>(kind)];
}

std::string write_python_json(const JsonValue& value) {
  std::string out;
  append_value(out, value, has_lone_surrogate(value));
  return out;
}

std::string write_python_json_string(std::string_view text) {
  std::string out;
  append_string(out, text, has_lone_surrogate(text));
  return out;
}

std::string replace_lone_surrogates(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const WtfChar current = first_wtf8_char(text);
    const bool is_lone =
        is_high_surrogate(current.code_point) || is_low_surrogate(current.code_point);
    out += is_lone ? base::kReplacementCharacter : text.substr(0, current.length);
    text.remove_prefix(current.length);
  }
  return out;
}

}  // namespace levin::text
