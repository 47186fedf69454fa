#include "base/error.h"

#include <algorithm>

#include "base/utf8.h"

namespace levin::base {
namespace {

constexpr int kMaxCharacters = 80;

/// Appends a character, fit for a message. fmt escapes well-formed ones only: its assertion ends
/// the program where a text breaks off inside a character.
void append_shown(std::string& out, std::string_view character, bool is_well_formed) {
  if (is_well_formed) {
    const std::string quoted = fmt::format("{:?}", character);
    out += quoted.substr(1, quoted.size() - 2);
  } else {
    out += fmt::format("\\x{:02x}", static_cast<unsigned char>(character[0]));
  }
}

}  // namespace

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kInvalidFile:
      return "invalid_file";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kContextTooLong:
      return "context_too_long";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

std::string shown(std::string_view text) {
  std::string result;
  for (int count = 0; count < kMaxCharacters && !text.empty(); ++count) {
    const size_t well_formed = utf8_sequence_length(text);
    const size_t bytes = std::max<size_t>(1, well_formed);  // an ill-formed byte counts as one
    append_shown(result, text.substr(0, bytes), well_formed > 0);
    text.remove_prefix(bytes);
  }
  return text.empty() ? result : result + "...";
}

std::string quote(std::string_view text) { return '"' + shown(text) + '"'; }

namespace detail {

void check_failed(const char* condition, const char* file, int line) {
  throw Error(ErrorCode::kInternal, fmt::format("broken invariant `{}` ({}:{}); please report it",
                                                condition, file, line));
}

}  // namespace detail
}  // namespace levin::base
