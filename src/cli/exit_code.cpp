#include "cli/exit_code.h"

namespace levin::cli {

int exit_code(base::ErrorCode code) {
  switch (code) {
    case base::ErrorCode::kInternal:
      return 1;
    case base::ErrorCode::kInvalidArgument:
      return 2;
    case base::ErrorCode::kInvalidFile:
      return 3;
    case base::ErrorCode::kNotFound:
      return 4;
    case base::ErrorCode::kUnsupported:
      return 5;
    case base::ErrorCode::kIo:
      return 6;
    case base::ErrorCode::kOutOfMemory:
      return 7;
    case base::ErrorCode::kContextTooLong:
      return 8;
    case base::ErrorCode::kCancelled:
      return 130;
  }
  return 1;
}

const char* exit_code_help() {
  return "Exit codes: 0 ok, 1 internal error, 2 wrong usage, 3 bad file, 4 not found,\n"
         "5 unsupported, 6 input/output, 7 out of memory, 8 context too long, 130 interrupted.";
}

}  // namespace levin::cli
