#include "base/exit_code.h"

namespace levin::base {

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInternal:
      return 1;
    case ErrorCode::kInvalidArgument:
      return 2;
    case ErrorCode::kInvalidFile:
      return 3;
    case ErrorCode::kNotFound:
      return 4;
    case ErrorCode::kUnsupported:
      return 5;
    case ErrorCode::kIo:
      return 6;
    case ErrorCode::kOutOfMemory:
      return 7;
    case ErrorCode::kContextTooLong:
      return 8;
    case ErrorCode::kCancelled:
      return 130;
  }
  return 1;
}

}  // namespace levin::base
