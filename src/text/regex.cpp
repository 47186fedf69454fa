#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <cctype>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace levin::text {
namespace {

using base::ErrorCode;
using base::throw_error;

// The JIT's stack starts small and grows on demand up to the limit.
constexpr size_t kJitStackStartBytes = size_t{32} << 10;
constexpr size_t kJitStackLimitBytes = size_t{64} << 20;

constexpr std::string_view kWhiteSpace =
    "\\x09-\\x0d\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}"
    "\\x{3000}";

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

/// Appends what stands for the escape `\letter` inside or outside a character class.
void append_escape(std::string& out, char letter, bool in_class, const std::string& where) {
  if (letter == 's') {
    out += in_class ? std::string(kWhiteSpace) : "[" + std::string(kWhiteSpace) + "]";
  } else if (letter == 'S' && !in_class) {
    out += "[^" + std::string(kWhiteSpace) + "]";
  } else if (letter == 'S' || letter == 'h' || letter == 'H') {
    throw_error(ErrorCode::kUnsupported, where, "\\{} {}is not supported in a pattern", letter,
                in_class ? "inside a character class " : "");
  } else {
    out += '\\';
    out += letter;
  }
}

/// Throws Error(kUnsupported) if `rest`, which stands outside of classes, begins with something
/// that Oniguruma reads in Ruby's way: ^ and $ are the ends of lines, the option m lets a dot match
/// line breaks, and options without a group of their own take what follows in their branch for one.
void check_read_alike(std::string_view rest, bool is_first, const std::string& where) {
  if (rest[0] == '^' || rest[0] == '$') {
    throw_error(ErrorCode::kUnsupported, where, "the anchor {} is not supported in a pattern",
                rest[0]);
  }
  if (!rest.starts_with("(?")) {
    return;
  }
  size_t end = 2;
  while (end < rest.size() && (std::isalpha(static_cast<unsigned char>(rest[end])) != 0 ||
                               rest[end] == '-' || rest[end] == '^')) {
    ++end;
  }
  const std::string_view options = rest.substr(2, end - 2);
  const bool is_group = rest.substr(end).starts_with(':');
  const bool is_for_all = is_first && rest.substr(end).starts_with(')');
  if (!options.empty() &&
      (options.find_first_not_of("i-") != std::string_view::npos || !(is_group || is_for_all))) {
    const size_t next = base::utf8_sequence_length(rest.substr(end));
    throw_error(ErrorCode::kUnsupported, where, "{} is not supported in a pattern",
                base::shown(rest.substr(0, end + next)));
  }
}

/// Length of the beginning of a class: "[" or "[^", and a "]" that stands there for itself.
size_t class_head(std::string_view rest) {
  const size_t length = rest.starts_with("[^") ? 2 : 1;
  return length + (rest.substr(length).starts_with(']') ? 1 : 0);
}

}  // namespace

std::string spell_out_white_space(std::string_view pattern, const std::string& where) {
  std::string out;
  bool in_class = false;
  for (size_t pos = 0; pos < pattern.size(); ++pos) {
    const char current = pattern[pos];
    const std::string_view rest = pattern.substr(pos);
    if (current == '\\' && rest.size() > 1) {
      append_escape(out, rest[1], in_class, where);
      ++pos;
      continue;
    }
    if (in_class && rest.starts_with("[:")) {  // a POSIX class: copied up to its ":]"
      const size_t end = rest.find(":]");
      if (end != std::string_view::npos) {
        out += rest.substr(0, end + 2);
        pos += end + 1;
        continue;
      }
    }
    if (in_class && (current == '[' || rest.starts_with("&&"))) {
      throw_error(ErrorCode::kUnsupported, where,
                  "a nested character class or && is not supported in a pattern");
    }
    if (!in_class) {
      check_read_alike(rest, pos == 0, where);
    }
    if (current == '[') {
      in_class = true;
      const size_t length = class_head(rest);
      out += rest.substr(0, length);
      pos += length - 1;
      continue;
    }
    if (current == ']') {
      in_class = false;
    }
    out += current;
  }
  return out;
}

struct RegexScratch::State {
  pcre2_match_data* match_data = nullptr;
  pcre2_match_context* match_context = nullptr;
  pcre2_jit_stack* jit_stack = nullptr;
};

RegexScratch::RegexScratch() : state_(std::make_unique<State>()) {
  state_->match_data = pcre2_match_data_create(1, nullptr);
  state_->match_context = pcre2_match_context_create(nullptr);
  state_->jit_stack = pcre2_jit_stack_create(kJitStackStartBytes, kJitStackLimitBytes, nullptr);
  if (state_->match_data == nullptr || state_->match_context == nullptr) {
    throw_error(ErrorCode::kOutOfMemory, "", "no memory for a regular expression search");
  }
  if (state_->jit_stack != nullptr) {
    pcre2_jit_stack_assign(state_->match_context, nullptr, state_->jit_stack);
  }
}

RegexScratch::~RegexScratch() {
  pcre2_match_data_free(state_->match_data);
  pcre2_match_context_free(state_->match_context);
  pcre2_jit_stack_free(state_->jit_stack);
}

struct Regex::Code {
  explicit Code(pcre2_code* compiled) : code(compiled) {}
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;

  pcre2_code* code;
  bool is_jit = false;
};

Regex::Regex(std::string_view pattern, const std::string& where) : pattern_(pattern) {
  const std::string translated = spell_out_white_space(pattern, where);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code == nullptr) {
    throw_error(ErrorCode::kInvalidFile, where, "the pattern {} does not compile: {}",
                base::shown(pattern), pcre2_message(error));
  }
  code_ = std::make_unique<Code>(code);
  code_->is_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
}

Regex::~Regex() = default;
Regex::Regex(Regex&& other) noexcept = default;
Regex& Regex::operator=(Regex&& other) noexcept = default;

std::optional<Regex::Match> Regex::find(std::string_view text, size_t from,
                                        RegexScratch& scratch) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  pcre2_match_data* match_data = scratch.state_->match_data;
  pcre2_match_context* context = scratch.state_->match_context;
  int result = PCRE2_ERROR_JIT_STACKLIMIT;
  if (code_->is_jit) {
    result = pcre2_jit_match(code_->code, subject, text.size(), from, 0, match_data, context);
  }
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) {  // no JIT, or its stack is full: interpret
    result = pcre2_match(code_->code, subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                         match_data, context);
  }
  if (result == PCRE2_ERROR_NOMATCH) {
    return std::nullopt;
  }
  if (result < 0) {
    throw_error(ErrorCode::kUnsupported, "", "the pre-tokenizer pattern {} fails on this text: {}",
                base::shown(pattern_), pcre2_message(result));
  }
  const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(match_data);
  return Match{offsets[0], offsets[1]};
}

}  // namespace levin::text
