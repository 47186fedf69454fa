// Exit codes of the programs. Documented in docs/cli.md and by --help.
#pragma once

#include "base/error.h"

namespace levin::base {

/// The one place where error codes become exit codes.
[[nodiscard]] int exit_code(ErrorCode code);

}  // namespace levin::base
