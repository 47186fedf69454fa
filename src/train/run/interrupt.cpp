#include "train/run/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/signals.h"
#include "base/unfinished_file.h"

namespace levin::train::run {
namespace {

// A signal handler can reach nothing but globals.
base::CancelToken token;
int cancelled_exit_code = 0;

extern "C" void on_interrupt(int signal) {
  // A terminal that closes may send several SIGHUP: from the shell and from the kernel.
  if (token.is_cancelled() && signal != SIGHUP) {
    base::remove_unfinished_files();
    ::_exit(cancelled_exit_code);
  }
  token.cancel();
}

}  // namespace

void install_interrupt_handlers() {
  cancelled_exit_code = base::exit_code(base::ErrorCode::kCancelled);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  if (!base::is_ignored(SIGHUP)) {
    ::sigaction(SIGHUP, &action, nullptr);
  }
  ::signal(SIGXFSZ, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
}

base::CancelToken& interrupt_token() noexcept { return token; }

}  // namespace levin::train::run
