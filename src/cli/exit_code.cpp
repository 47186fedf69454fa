#include "cli/exit_code.h"

namespace levin::cli {

const char* exit_code_help() {
  return "Exit codes: 0 ok, 1 internal error, 2 wrong usage, 3 bad file, 4 not found,\n"
         "5 unsupported, 6 input/output, 7 out of memory, 8 context too long, 130 interrupted.";
}

}  // namespace levin::cli
