// Typed access to simdjson values with errors that name the file and the key.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace levin::text {

/// A JSON value that knows where it stands. Cheap to copy; views into the parser's document.
class JsonReader {
 public:
  /// `where` is the file, `path` the key ("model.vocab"; empty for the document itself).
  JsonReader(simdjson::dom::element element, std::string where, std::string path)
      : element_(element), where_(std::move(where)), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool is_null() const noexcept { return element_.is_null(); }
  [[nodiscard]] bool is_string() const noexcept { return element_.is_string(); }
  [[nodiscard]] bool is_object() const noexcept { return element_.is_object(); }
  [[nodiscard]] bool is_array() const noexcept { return element_.is_array(); }

  [[nodiscard]] std::string_view string() const { return as<std::string_view>("a string"); }
  [[nodiscard]] int64_t integer() const { return as<int64_t>("an integer"); }
  [[nodiscard]] bool boolean() const { return as<bool>("true or false"); }
  [[nodiscard]] simdjson::dom::array array() const { return as<simdjson::dom::array>("an array"); }
  [[nodiscard]] simdjson::dom::object object() const {
    return as<simdjson::dom::object>("an object");
  }

  /// The member `key` of this object. Throws Error(kInvalidFile) if it is missing.
  [[nodiscard]] JsonReader at(std::string_view key) const {
    simdjson::dom::element member;
    if (object()[key].get(member) != simdjson::SUCCESS) {
      fail(base::ErrorCode::kInvalidFile, "the key {:?} is missing", key);
    }
    return {member, where_, child_path(key)};
  }

  /// True if `key` is a member of this object and not null.
  [[nodiscard]] bool has(std::string_view key) const {
    simdjson::dom::element member;
    return object()[key].get(member) == simdjson::SUCCESS && !member.is_null();
  }

  /// The member `key` as true or false; `fallback` if it is missing or null.
  [[nodiscard]] bool boolean_or(std::string_view key, bool fallback) const {
    return has(key) ? at(key).boolean() : fallback;
  }

  /// Element `idx` of this array, already at hand.
  [[nodiscard]] JsonReader element(simdjson::dom::element value, size_t idx) const {
    return {value, where_, fmt::format("{}[{}]", path_, idx)};
  }

  /// Throws Error(code): file, key and a formatted message.
  template <typename... Args>
  [[noreturn]] void fail(base::ErrorCode code, fmt::format_string<Args...> format,
                         Args&&... args) const {
    const std::string message = fmt::format(format, std::forward<Args>(args)...);
    throw base::Error(code, path_.empty() ? message : path_ + ": " + message, where_);
  }

 private:
  template <typename T>
  [[nodiscard]] T as(const char* wanted) const {
    T value;
    if (element_.get(value) != simdjson::SUCCESS) {
      fail(base::ErrorCode::kInvalidFile, "{} expected, got {}", wanted, type_name());
    }
    return value;
  }

  [[nodiscard]] const char* type_name() const {
    switch (element_.type()) {
      case simdjson::dom::element_type::ARRAY:
        return "an array";
      case simdjson::dom::element_type::OBJECT:
        return "an object";
      case simdjson::dom::element_type::STRING:
        return "a string";
      case simdjson::dom::element_type::BOOL:
        return "true or false";
      case simdjson::dom::element_type::NULL_VALUE:
        return "null";
      default:
        return "a number";
    }
  }

  [[nodiscard]] std::string child_path(std::string_view key) const {
    const std::string name = base::shown(key);
    return path_.empty() ? name : fmt::format("{}.{}", path_, name);
  }

  simdjson::dom::element element_;
  std::string where_;
  std::string path_;
};

/// Parses `json` with `parser`, which must outlive the reader.
/// Throws Error(kInvalidFile) with `where` for ill-formed JSON or UTF-8.
[[nodiscard]] inline JsonReader parse_json_document(simdjson::dom::parser& parser,
                                                    std::string_view json,
                                                    const std::string& where) {
  simdjson::dom::element root;
  const simdjson::error_code error = parser.parse(json.data(), json.size()).get(root);
  if (error == simdjson::UTF8_ERROR) {
    throw base::Error(base::ErrorCode::kInvalidFile, "the file is not valid UTF-8", where);
  }
  if (error != simdjson::SUCCESS) {
    base::throw_error(base::ErrorCode::kInvalidFile, where, "the file is not valid JSON: {}",
                      simdjson::error_message(error));
  }
  return {root, where, ""};
}

}  // namespace levin::text
