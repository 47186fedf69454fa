// The JSON body of a request: bounded before it is parsed, and read member by member with errors
// that name the member.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/python_json.h"

namespace levin::serve::api {

/// Nesting and number of values that a body may have. The parser needs some 130 bytes a value, so
/// that a body of brackets alone would otherwise take forty times its size.
inline constexpr int64_t kMaxJsonDepth = 64;
inline constexpr int64_t kMaxJsonValues = 1'000'000;

/// Parses a body. The result keeps the order of members and integers of any size, because schemas
/// of tools are shown to the model as they came.
/// Throws ApiError: 400 for what is no JSON object in UTF-8, is nested too deeply or has too many
/// values; 422 naming the member for a lone surrogate in a string or a name.
[[nodiscard]] text::JsonValue parse_request_body(std::string_view body);

/// A JSON object with typed access. A member that is null counts as missing. Every function throws
/// ApiError 422 naming the member for another type or a value out of range.
class JsonFields {
 public:
  /// `object` must outlive this; `path` ("stream_options") begins the names in errors. Throws
  /// ApiError 422 if it is no object.
  JsonFields(const text::JsonValue& object, std::string path);

  [[nodiscard]] const text::JsonValue* find(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<int64_t> integer(std::string_view key, int64_t least,
                                               int64_t most) const;
  [[nodiscard]] std::optional<double> number(std::string_view key, double least, double most) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view key) const;
  /// The member's items; nothing if it is missing.
  [[nodiscard]] const std::vector<text::JsonValue>* array(std::string_view key,
                                                          size_t most_items) const;
  [[nodiscard]] std::optional<JsonFields> object(std::string_view key) const;

  /// "stream_options.include_usage"
  [[nodiscard]] std::string path_of(std::string_view key) const;

 private:
  const text::JsonValue& object_;
  std::string path_;
};

/// Reads an array item or member of that path as an integer.
[[nodiscard]] int64_t integer_value(const text::JsonValue& value, const std::string& path,
                                    int64_t least, int64_t most);

/// Reads the items of an array of that path as token ids; errors name the item ("prompt[3]").
[[nodiscard]] std::vector<int32_t> token_ids(const std::vector<text::JsonValue>& items,
                                             const std::string& path, int64_t vocab_size);

}  // namespace levin::serve::api
