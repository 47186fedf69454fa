#include "formats/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"

namespace levin::formats {
namespace {

using base::ErrorCode;
using nlohmann::json;

/// "line 3, column 7" of a byte position, both counted from 1.
std::string describe_position(std::string_view text, size_t position) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1;
  return fmt::format("line {}, column {}", line, column);
}

/// Builds the value from nlohmann's parse events; any handler that returns false ends the parse
/// with `problem` set.
class StrictBuilder final : public nlohmann::json_sax<json> {
 public:
  StrictBuilder(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  json root;
  std::string problem;

  bool null() override { return add(nullptr) != nullptr; }
  bool boolean(bool value) override { return add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return add(value) != nullptr; }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return add(value) != nullptr;
  }
  bool string(string_t& value) override { return add(std::move(value)) != nullptr; }
  bool binary(binary_t& /*value*/) override { return false; }

  bool start_object(size_t /*elements*/) override { return open(json::object()); }
  bool start_array(size_t /*elements*/) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (open_.back()->contains(name)) {
      problem = fmt::format("has the key {} twice in one object", base::quote(name));
      return false;
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(size_t position, const std::string& /*last_token*/,
                   const json::exception& /*error*/) override {
    problem = "is not valid JSON at " + describe_position(text_, position > 0 ? position - 1 : 0);
    return false;
  }

 private:
  /// Puts a value where the parse stands; null once a limit is exceeded.
  json* add(json value) {
    if (++values_ > limits_.values) {
      problem = fmt::format("has more than {} JSON values", limits_.values);
      return nullptr;
    }
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool open(json container) {
    if (static_cast<int64_t>(open_.size()) >= limits_.depth) {
      problem = fmt::format("nests JSON deeper than {} levels", limits_.depth);
      return false;
    }
    json* added = add(std::move(container));
    if (added != nullptr) {
      open_.push_back(added);
    }
    return added != nullptr;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  JsonLimits limits_;
  std::vector<json*> open_;  // containers around the current position; they do not move while open
  std::string key_;
  int64_t values_ = 0;
};

void check_encoding(std::string_view text, const std::string& where) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw base::Error(ErrorCode::kInvalidFile,
                      "begins with a byte order mark; save it as plain UTF-8", where);
  }
  for (size_t position = 0; position < text.size();) {
    const size_t length = base::utf8_sequence_length(text.substr(position));
    // The parser would take a NUL byte for the end of its input.
    if (length == 0 || text[position] == '\0') {
      base::throw_error(ErrorCode::kInvalidFile, where, "is not valid {} at {}",
                        length == 0 ? "UTF-8" : "JSON (NUL byte)",
                        describe_position(text, position));
    }
    position += length;
  }
}

}  // namespace

json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  check_encoding(text, where);
  StrictBuilder builder(text, limits);
  if (!json::sax_parse(text.begin(), text.end(), &builder)) {
    throw base::Error(ErrorCode::kInvalidFile, builder.problem, where);
  }
  return std::move(builder.root);
}

}  // namespace levin::formats
