#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/python_json.h"
#include "text/wtf8.h"

namespace levin::text {
namespace {

constexpr int kMaxDepth = 256;

bool is_digit(char byte) noexcept { return byte >= '0' && byte <= '9'; }

std::optional<uint32_t> hex_digit(char byte) noexcept {
  if (is_digit(byte)) {
    return static_cast<uint32_t>(byte - '0');
  }
  const char lower = static_cast<char>(byte | 0x20);
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<uint32_t>(lower - 'a') + 10;
  }
  return std::nullopt;
}

/// Recursive descent over one document.
class Parser {
 public:
  Parser(std::string_view json, const std::string& where, int64_t most_values)
      : json_(json), where_(where), most_values_(most_values) {}

  JsonValue document() {
    if (!base::is_valid_utf8(json_)) {
      throw base::Error(base::ErrorCode::kInvalidArgument, "the JSON text is not valid UTF-8",
                        where_);
    }
    JsonValue value = parse_value(0);
    skip_space();
    if (pos_ != json_.size()) {
      fail("the end of the text");
    }
    return value;
  }

 private:
  [[noreturn]] void fail(std::string_view wanted) const {
    base::throw_error(base::ErrorCode::kInvalidArgument, where_,
                      "the text is not valid JSON: {} expected at byte {}", wanted, pos_);
  }

  [[nodiscard]] char peek() const noexcept { return pos_ < json_.size() ? json_[pos_] : '\0'; }

  void skip_space() {
    while (pos_ < json_.size() &&
           (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t')) {
      ++pos_;
    }
  }

  bool accept(char byte) {
    if (pos_ < json_.size() && json_[pos_] == byte) {
      ++pos_;
      return true;
    }
    return false;
  }

  void expect_word(std::string_view word) {
    if (!json_.substr(pos_).starts_with(word)) {
      fail("a value");
    }
    pos_ += word.size();
  }

  JsonValue parse_value(int depth) {
    if (depth > kMaxDepth) {
      base::throw_error(base::ErrorCode::kInvalidArgument, where_,
                        "the JSON text is nested deeper than {} levels", kMaxDepth);
    }
    if (++values_ > most_values_) {
      base::throw_error(base::ErrorCode::kInvalidArgument, where_,
                        "the JSON text has more than {} values", most_values_);
    }
    skip_space();
    JsonValue value;
    switch (peek()) {
      case '{':
        parse_object(value, depth);
        break;
      case '[':
        parse_array(value, depth);
        break;
      case '"':
        value.kind = JsonValue::Kind::kString;
        value.text = parse_string();
        break;
      case 't':
      case 'f':
        value.kind = JsonValue::Kind::kBool;
        value.boolean = peek() == 't';
        expect_word(value.boolean ? "true" : "false");
        break;
      case 'n':
        expect_word("null");
        break;
      default:
        parse_number(value);
    }
    return value;
  }

  void parse_object(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::kObject;
    ++pos_;
    skip_space();
    if (accept('}')) {
      return;
    }
    // Of the keys among the members. Ordered: whoever writes the text could choose keys of one
    // hash.
    std::map<std::string, size_t> places;
    do {
      skip_space();
      if (peek() != '"') {
        fail("a key in quotes");
      }
      std::string key = parse_string();
      skip_space();
      if (!accept(':')) {
        fail("a colon");
      }
      const auto [place, is_new] = places.emplace(key, value.members.size());
      if (is_new) {
        value.members.push_back({std::move(key), {}});
      }
      JsonValue member = parse_value(depth + 1);
      value.members[place->second].value = std::move(member);
      skip_space();
    } while (accept(','));
    if (!accept('}')) {
      fail("a comma or a closing brace");
    }
  }

  void parse_array(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::kArray;
    ++pos_;
    skip_space();
    if (accept(']')) {
      return;
    }
    do {
      value.items.push_back(parse_value(depth + 1));
      skip_space();
    } while (accept(','));
    if (!accept(']')) {
      fail("a comma or a closing bracket");
    }
  }

  std::string parse_string() {
    ++pos_;
    std::string text;
    while (pos_ < json_.size()) {
      const char byte = json_[pos_];
      if (byte == '"') {
        ++pos_;
        return text;
      }
      if (byte == '\\') {
        parse_escape(text);
      } else if (static_cast<uint8_t>(byte) < 0x20) {
        fail("an escaped control character");
      } else {
        text += byte;
        ++pos_;
      }
    }
    fail("a closing quote");
  }

  void parse_escape(std::string& text) {
    ++pos_;
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    const size_t known = kLetters.find(peek());
    if (pos_ < json_.size() && known != std::string_view::npos) {
      text += kValues[known];
      ++pos_;
      return;
    }
    if (!accept('u')) {
      fail("an escape sequence");
    }
    const uint32_t unit = parse_hex4();
    if (is_high_surrogate(unit) && json_.substr(pos_).starts_with("\\u")) {
      const size_t second = pos_;
      pos_ += 2;
      const uint32_t low = parse_hex4();
      if (is_low_surrogate(low)) {
        base::append_utf8(text, join_surrogates(unit, low));
        return;
      }
      pos_ = second;  // a lone one; the next escape stands for itself
    }
    append_wtf8(text, unit);
  }

  uint32_t parse_hex4() {
    uint32_t unit = 0;
    for (int digit_idx = 0; digit_idx < 4; ++digit_idx, ++pos_) {
      const auto digit = hex_digit(peek());
      if (!digit) {
        fail("four hexadecimal digits");
      }
      unit = unit * 16 + *digit;
    }
    return unit;
  }

  void skip_digits() {
    if (!is_digit(peek())) {
      fail(pos_ < json_.size() ? "a value" : "more text");
    }
    while (is_digit(peek())) {
      ++pos_;
    }
  }

  void parse_number(JsonValue& value) {
    const size_t begin = pos_;
    const bool is_negative = accept('-');
    const size_t digits = pos_;
    skip_digits();
    if (json_[digits] == '0' && pos_ > digits + 1) {
      fail("a number without leading zeros");
    }
    value.kind = JsonValue::Kind::kInteger;
    if (accept('.')) {
      value.kind = JsonValue::Kind::kFloat;
      skip_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      value.kind = JsonValue::Kind::kFloat;
      ++pos_;
      if (peek() == '+' || peek() == '-') {
        ++pos_;
      }
      skip_digits();
    }
    const std::string number(json_.substr(begin, pos_ - begin));
    if (value.kind == JsonValue::Kind::kFloat) {
      // Unlike from_chars it says infinity or zero beyond the range, as Python does.
      value.number = std::strtod(number.c_str(), nullptr);
    } else {
      value.text = is_negative && number == "-0" ? "0" : number;
    }
  }

  std::string_view json_;
  const std::string& where_;
  int64_t most_values_;
  int64_t values_ = 0;
  size_t pos_ = 0;
};

}  // namespace

JsonValue parse_python_json(std::string_view json, const std::string& where, int64_t most_values) {
  return Parser(json, where, most_values).document();
}

}  // namespace levin::text
