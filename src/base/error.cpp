#include "base/error.h"

#include <algorithm>

#include "base/utf8.h"

namespace levin::base {
namespace {

constexpr int kMaxCharacters = 80;

/// Bytes of the first kMaxCharacters characters; an ill-formed byte counts as one.
size_t shown_bytes(std::string_view text) noexcept {
  size_t bytes = 0;
  for (int count = 0; count < kMaxCharacters && bytes < text.size(); ++count) {
    bytes += std::max<size_t>(1, utf8_sequence_length(text.substr(bytes)));
  }
  return bytes;
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

std::string quote(std::string_view text) {
  const size_t bytes = shown_bytes(text);
  std::string result = fmt::format("{:?}", text.substr(0, bytes));
  if (bytes < text.size()) {
    result.insert(result.size() - 1, "...");
  }
  return result;
}

std::string shown(std::string_view text) {
  const std::string result = quote(text);
  return result.substr(1, result.size() - 2);
}

namespace detail {

void check_failed(const char* condition, const char* file, int line) {
  throw Error(ErrorCode::kInternal, fmt::format("broken invariant `{}` ({}:{}); please report it",
                                                condition, file, line));
}

}  // namespace detail
}  // namespace levin::base
