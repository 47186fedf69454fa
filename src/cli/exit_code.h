// Exit codes of `levin`. Documented in docs/cli.md and by `levin --help`.
#pragma once

#include "base/error.h"

namespace levin::cli {

inline constexpr int kExitOk = 0;

/// base::exit_code.
[[nodiscard]] int exit_code(base::ErrorCode code);

/// The table of exit codes, for help texts.
[[nodiscard]] const char* exit_code_help();

}  // namespace levin::cli
