#include "cli/interrupt.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/signals.h"
#include "base/unfinished_file.h"

namespace levin::cli {
namespace {

// A signal handler can reach nothing but globals.
base::CancelToken token;
InterruptMode current_mode = InterruptMode::kEndProgram;
int cancelled_exit_code = 0;

constexpr suseconds_t kGraceMicroseconds = 900'000;

void end_now() {
  base::remove_unfinished_files();
  ::_exit(cancelled_exit_code);
}

extern "C" void on_grace_over(int /*signal*/) { end_now(); }

/// Ends the program as the signal would have, without leaving half a file behind.
extern "C" void on_termination(int signal) {
  base::remove_unfinished_files();
  if (::getpid() == 1) {
    ::_exit(128 + signal);  // from the first process of a container the kernel keeps such signals
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

extern "C" void on_interrupt(int /*signal*/) {
  if (token.is_cancelled()) {
    end_now();
  }
  token.cancel();
  if (current_mode == InterruptMode::kEndProgram) {
    itimerval grace{};
    grace.it_value.tv_usec = kGraceMicroseconds;
    ::setitimer(ITIMER_REAL, &grace, nullptr);  // a plain system call on Linux
  }
}

}  // namespace

base::CancelToken& interrupt_token() noexcept { return token; }

void install_interrupt_handler(InterruptMode mode) {
  current_mode = mode;
  cancelled_exit_code = base::exit_code(base::ErrorCode::kCancelled);
  struct sigaction action {};
  action.sa_handler = on_grace_over;
  ::sigaction(SIGALRM, &action, nullptr);
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  for (const int signal : {SIGTERM, SIGHUP}) {
    if (!base::is_ignored(signal)) {
      action.sa_handler = on_termination;
      ::sigaction(signal, &action, nullptr);
    }
  }
}

void throw_if_interrupted() { token.throw_if_cancelled(); }

}  // namespace levin::cli
