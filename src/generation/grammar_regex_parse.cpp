#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "generation/grammar_regex.h"

namespace levin::generation {
namespace {

constexpr int kMaxDepth = 50;
constexpr int64_t kMaxRepetitions = 10'000;
constexpr char32_t kNoChar = 0xFFFFFFFF;

/// The characters of well-formed UTF-8.
std::u32string decode(std::string_view text) {
  std::u32string decoded;
  while (!text.empty()) {
    const size_t length = base::utf8_sequence_length(text);
    const auto lead = static_cast<uint8_t>(text[0]);
    char32_t code_point = length <= 1 ? lead : lead & (0x7FU >> length);
    for (size_t idx = 1; idx < length; ++idx) {
      code_point = (code_point << 6) | (static_cast<uint8_t>(text[idx]) & 0x3FU);
    }
    decoded.push_back(code_point);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return decoded;
}

CharSet single(char32_t code_point) { return CharSet({{code_point, code_point}}); }

CharSet digits() { return CharSet({{'0', '9'}}); }

CharSet word_characters() { return CharSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }

/// White space and line ends of ECMA 262.
CharSet space_characters() {
  return CharSet({{0x09, 0x0D},
                  {0x20, 0x20},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000},
                  {0xFEFF, 0xFEFF}});
}

/// What `.` stands for: all but line ends.
CharSet any_but_line_ends() {
  return CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).complement();
}

/// Recursive descent, at most kMaxDepth groups deep.
class Parser {
 public:
  Parser(std::string_view pattern, const SchemaPlace* place)
      : text_(decode(pattern)), place_(place) {}

  Regex whole() {
    Regex regex = choice(0);
    if (pos_ < text_.size()) {
      fail("a closing parenthesis without an opening one");
    }
    return regex;
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    base::throw_error(base::ErrorCode::kInvalidArgument, place_text(place_),
                      "the pattern has {} at character {}", problem, pos_);
  }

  [[nodiscard]] char32_t peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : kNoChar;
  }

  bool accept(char32_t wanted) {
    if (peek() != wanted) {
      return false;
    }
    ++pos_;
    return true;
  }

  Regex choice(int depth) {
    if (depth > kMaxDepth) {
      fail(fmt::format("groups nested deeper than {} levels", kMaxDepth));
    }
    Regex made;
    made.kind = Regex::Kind::kChoice;
    do {
      made.parts.push_back(sequence(depth));
    } while (accept('|'));
    if (made.parts.size() == 1) {
      Regex only = std::move(made.parts.front());
      return only;
    }
    return made;
  }

  Regex sequence(int depth) {
    Regex made;
    while (peek() != kNoChar && peek() != '|' && peek() != ')') {
      if (peek() == '^' || peek() == '$') {
        add_anchor(made, depth);
        continue;
      }
      Regex part = atom(depth);
      made.parts.push_back(repeated(std::move(part)));
    }
    return made;
  }

  void add_anchor(Regex& sequence, int depth) {
    const bool is_begin = peek() == '^';
    const char32_t after = peek(1);
    const bool is_at_end = after == kNoChar || after == '|';
    if (depth > 0 || (is_begin ? !sequence.parts.empty() : !is_at_end)) {
      fail(
          "an anchor that is not at the beginning (^) or the end ($) of the whole, which is not "
          "supported,");
    }
    ++pos_;
    Regex anchor;
    anchor.kind = is_begin ? Regex::Kind::kTextBegin : Regex::Kind::kTextEnd;
    sequence.parts.push_back(std::move(anchor));
  }

  Regex atom(int depth) {
    if (accept('(')) {
      return group(depth);
    }
    Regex made;
    made.kind = Regex::Kind::kChars;
    if (accept('[')) {
      made.chars = char_class();
    } else if (accept('.')) {
      made.chars = any_but_line_ends();
    } else if (accept('\\')) {
      made.chars = escape();
    } else if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') {
      fail("a repetition of nothing");
    } else {
      made.chars = single(text_[pos_++]);
    }
    return made;
  }

  Regex group(int depth) {
    if (accept('?')) {
      const bool is_named = peek() == '<' && peek(1) != '=' && peek(1) != '!';
      if (is_named) {
        while (peek() != '>' && peek() != kNoChar) {
          ++pos_;
        }
        ++pos_;
      } else if (!accept(':')) {
        fail("look-ahead, look-behind or flags, which are not supported,");
      }
    }
    Regex inside = choice(depth + 1);
    if (!accept(')')) {
      fail("a group that is not closed");
    }
    return inside;
  }

  Regex repeated(Regex part) {
    Regex made;
    made.kind = Regex::Kind::kRepeat;
    if (accept('*')) {
      made.at_least = 0;
    } else if (accept('+')) {
      made.at_least = 1;
    } else if (accept('?')) {
      made.at_most = 1;
    } else if (accept('{')) {
      read_counts(made);
    } else {
      return part;
    }
    accept('?');  // lazy: the same texts
    if (peek() == '*' || peek() == '+' || peek() == '{') {
      fail("a repetition of a repetition");
    }
    made.parts.push_back(std::move(part));
    return made;
  }

  /// `n}`, `n,}` or `n,m}`.
  void read_counts(Regex& made) {
    made.at_least = count();
    made.at_most = made.at_least;
    if (accept(',')) {
      made.at_most = peek() == '}' ? -1 : count();
    }
    if (!accept('}') || (made.at_most >= 0 && made.at_most < made.at_least)) {
      fail("a count in braces that is not {n}, {n,} or {n,m} with n up to m");
    }
  }

  int64_t count() {
    if (peek() < '0' || peek() > '9') {
      fail("a brace without a count");
    }
    int64_t value = 0;
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<int64_t>(text_[pos_++] - '0');
      if (value > kMaxRepetitions) {
        fail(fmt::format("a count beyond {}", kMaxRepetitions));
      }
    }
    return value;
  }

  CharSet char_class() {
    const bool is_negative = accept('^');
    std::vector<CharSet::Range> ranges;
    while (!accept(']')) {
      const CharSet first = class_member();
      const bool is_range = peek() == '-' && peek(1) != ']' && peek(1) != kNoChar;
      if (!is_range) {
        ranges.insert(ranges.end(), first.ranges().begin(), first.ranges().end());
        continue;
      }
      ++pos_;
      const CharSet last = class_member();
      if (!is_single(first) || !is_single(last) ||
          first.ranges().front().first > last.ranges().front().first) {
        fail("a range in a class that does not go from one character up to another");
      }
      ranges.push_back({first.ranges().front().first, last.ranges().front().first});
    }
    CharSet set(std::move(ranges));
    return is_negative ? set.complement() : set;
  }

  static bool is_single(const CharSet& set) {
    return set.ranges().size() == 1 && set.ranges().front().first == set.ranges().front().last;
  }

  CharSet class_member() {
    if (peek() == kNoChar) {
      fail("a class that is not closed");
    }
    if (accept('\\')) {
      return accept('b') ? single('\b') : escape();
    }
    return single(text_[pos_++]);
  }

  /// What follows a backslash.
  CharSet escape() {
    const char32_t letter = peek();
    if (letter == kNoChar) {
      fail("a backslash with nothing behind it");
    }
    ++pos_;
    switch (letter) {
      case 'd':
        return digits();
      case 'D':
        return digits().complement();
      case 'w':
        return word_characters();
      case 'W':
        return word_characters().complement();
      case 's':
        return space_characters();
      case 'S':
        return space_characters().complement();
      case 'x':
        return single(hex(2));
      case 'u':
        return single(accept('{') ? braced_hex() : unicode_unit());
      case 'c':
        return control();
      default:
        return plain_escape(letter);
    }
  }

  CharSet control() {
    const char32_t letter = peek();
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (!is_letter) {
      fail("\\c without a letter");
    }
    ++pos_;
    return single(letter & 0x1FU);
  }

  CharSet plain_escape(char32_t letter) {
    constexpr std::u32string_view kLetters = U"tnvfr0";
    constexpr std::u32string_view kValues(U"\t\n\v\f\r\0", 6);
    const size_t known = kLetters.find(letter);
    if (known != std::u32string_view::npos) {
      return single(kValues[known]);
    }
    const bool is_word = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                         (letter >= 'A' && letter <= 'Z');
    if (is_word) {
      --pos_;
      fail("an escape that is not supported (a word boundary, a back reference, a property class)");
    }
    return single(letter);
  }

  char32_t hex(int digits_wanted) {
    char32_t value = 0;
    for (int digit_idx = 0; digit_idx < digits_wanted; ++digit_idx) {
      value = value * 16 + hex_digit();
    }
    return value;
  }

  char32_t hex_digit() {
    const char32_t digit = peek();
    ++pos_;
    if (digit >= '0' && digit <= '9') {
      return digit - '0';
    }
    const char32_t lower = digit | 0x20U;
    if (digit < 0x80 && lower >= 'a' && lower <= 'f') {
      return lower - 'a' + 10;
    }
    --pos_;
    fail("an escape with too few hexadecimal digits");
  }

  /// `\uHHHH`, or a pair of surrogates written as two of them.
  char32_t unicode_unit() {
    const char32_t unit = hex(4);
    const bool is_high = unit >= 0xD800 && unit <= 0xDBFF;
    if (is_high && peek() == '\\' && peek(1) == 'u') {
      pos_ += 2;
      const char32_t low = hex(4);
      if (low >= 0xDC00 && low <= 0xDFFF) {
        return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      }
    }
    if (unit >= 0xD800 && unit <= 0xDFFF) {
      fail("half of a surrogate pair");
    }
    return unit;
  }

  char32_t braced_hex() {
    char32_t value = 0;
    while (!accept('}')) {
      value = value * 16 + hex_digit();
      if (value > 0x10FFFF) {
        fail("a code point beyond U+10FFFF");
      }
    }
    return value;
  }

  std::u32string text_;
  const SchemaPlace* place_;
  size_t pos_ = 0;
};

}  // namespace

Regex parse_regex(std::string_view pattern, const SchemaPlace* place) {
  return Parser(pattern, place).whole();
}

}  // namespace levin::generation
