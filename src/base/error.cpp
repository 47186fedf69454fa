#include "base/error.h"

namespace levin::base {

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

namespace detail {

void check_failed(const char* condition, const char* file, int line) {
  throw Error(ErrorCode::kInternal, fmt::format("broken invariant `{}` ({}:{}); please report it",
                                                condition, file, line));
}

}  // namespace detail
}  // namespace levin::base
