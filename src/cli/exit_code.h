// Exit codes of `levin`. Documented in docs/cli.md and by `levin --help`.
#pragma once

namespace levin::cli {

inline constexpr int kExitOk = 0;

/// The table of exit codes, for help texts.
[[nodiscard]] const char* exit_code_help();

}  // namespace levin::cli
