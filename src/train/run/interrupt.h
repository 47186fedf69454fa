// SIGINT, SIGTERM and SIGHUP ask a run to write a checkpoint and stop; a second one that is no
// SIGHUP ends it at once.
#pragma once

#include "base/cancel.h"

namespace levin::train::run {

/// Installs the handlers; a SIGHUP that is ignored already (nohup) stays so. SIGXFSZ and SIGPIPE
/// are ignored, so that a write reports its error. For main() only.
void install_interrupt_handlers();

/// The token that the signals cancel.
[[nodiscard]] base::CancelToken& interrupt_token() noexcept;

}  // namespace levin::train::run
