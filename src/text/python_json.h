// JSON as Python's json module reads and writes it, which is what the official chat encoder feeds
// to the model: key order kept, integers of any size exact, floats as repr() prints them, lone
// surrogates allowed. (nlohmann-json rounds big integers and refuses lone surrogates.)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace levin::text {

struct JsonMember;

struct JsonValue {
  enum class Kind : uint8_t { kNull, kBool, kInteger, kFloat, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0;  ///< of kFloat; infinite beyond the range of a double
  /// Of kString, the text in UTF-8 with each lone surrogate as three bytes (WTF-8); of kInteger,
  /// its digits.
  std::string text;
  std::vector<JsonValue> items;     ///< of kArray
  std::vector<JsonMember> members;  ///< of kObject, in the order of first appearance

  [[nodiscard]] bool is(Kind other) const noexcept { return kind == other; }
  /// The member of this object named `key`; null if there is none or this is no object.
  [[nodiscard]] const JsonValue* find(std::string_view key) const noexcept;
};

struct JsonMember {
  std::string key;  ///< as JsonValue::text of a string
  JsonValue value;
};

/// Name of a kind with its article ("an object"), for error messages.
[[nodiscard]] std::string_view json_kind_name(JsonValue::Kind kind) noexcept;

/// Parses one JSON document (RFC 8259; of equal keys the last value wins). Throws
/// Error(kInvalidArgument) with `where` and the byte offset for anything else, for ill-formed
/// UTF-8, for nesting deeper than 256 and for more than `most_values` values in all: one takes some
/// hundred bytes, however short its text.
[[nodiscard]] JsonValue parse_python_json(std::string_view json, const std::string& where,
                                          int64_t most_values = INT64_MAX);

/// What json.dumps(value, ensure_ascii=False) writes; if a lone surrogate is in it, what
/// ensure_ascii=True writes.
[[nodiscard]] std::string write_python_json(const JsonValue& value);

/// write_python_json of a string.
[[nodiscard]] std::string write_python_json_string(std::string_view text);

/// `text` of a JsonValue as well-formed UTF-8: each lone surrogate becomes U+FFFD.
[[nodiscard]] std::string replace_lone_surrogates(std::string_view text);

}  // namespace levin::text
