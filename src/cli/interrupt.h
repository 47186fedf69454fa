// Ctrl-C: the first asks the running work to stop, the second ends the program at once.
#pragma once

#include "base/cancel.h"

namespace levin::cli {

/// The token that Ctrl-C cancels.
[[nodiscard]] base::CancelToken& interrupt_token() noexcept;

/// What the first Ctrl-C does beyond cancelling the token.
enum class InterruptMode {
  kEndProgram,  ///< work that has not stopped within 0.9 s is ended with exit code 130
  kStopAnswer,  ///< the program goes on (chat)
};

/// Installs the handlers of SIGINT, and of SIGTERM and SIGHUP, which end the program as ever but
/// remove unfinished files first. Reads that wait for input return EINTR.
void install_interrupt_handler(InterruptMode mode);

/// Throws Error(kCancelled) after a Ctrl-C.
void throw_if_interrupted();

}  // namespace levin::cli
