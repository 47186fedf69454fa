// Typed access to the fields of one object of config.json, with errors that name key, value and
// what is expected. Private to config*.cpp.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace levin::model {

/// A key that is absent and a key that is null are the same: the field is not set.
class ConfigFields {
 public:
  /// `object` must outlive this; `where` names the file; `prefix` precedes keys in messages.
  ConfigFields(const nlohmann::json& object, std::string where, std::string prefix = "")
      : object_(object), where_(std::move(where)), prefix_(std::move(prefix)) {}

  [[nodiscard]] bool has(const char* key) { return find(key) != nullptr; }

  /// Whole number in [min, max]. Throws Error(kInvalidFile) if unset, of another type, or outside.
  int64_t integer(const char* key, int64_t min, int64_t max);
  int64_t integer_or(const char* key, int64_t min, int64_t max, int64_t fallback);
  /// Finite number in [min, max].
  double number(const char* key, double min, double max);
  double number_or(const char* key, double min, double max, double fallback);
  bool boolean_or(const char* key, bool fallback);
  std::string string_or(const char* key, const std::string& fallback);
  std::vector<std::string> strings(const char* key);
  /// A number or a list of numbers in [0, max]; empty if unset.
  std::vector<int64_t> integers(const char* key, int64_t max);
  /// The nested object, if set.
  std::optional<ConfigFields> object(const char* key);

  /// Throws Error(kUnsupported) unless the field is unset or equals `supported`.
  void require(const char* key, const nlohmann::json& supported);

  /// Marks keys that are known to have no effect on inference.
  void ignore(std::initializer_list<const char*> keys);
  /// Keys that nothing asked for.
  [[nodiscard]] std::vector<std::string> unknown_keys() const;

  [[nodiscard]] const std::string& where() const noexcept { return where_; }

  /// Throws Error(code): "KEY is VALUE, expected WANTED".
  [[noreturn]] void fail(base::ErrorCode code, const char* key, const std::string& wanted) const;
  /// fail() with kInvalidFile, for values that are malformed or contradict other fields.
  template <typename... Args>
  [[noreturn]] void invalid(const char* key, fmt::format_string<Args...> wanted,
                            Args&&... args) const {
    fail(base::ErrorCode::kInvalidFile, key, fmt::format(wanted, std::forward<Args>(args)...));
  }

 private:
  const nlohmann::json* find(const char* key);

  const nlohmann::json& object_;
  std::string where_;
  std::string prefix_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace levin::model
