#include "cli/stop_signal.h"

#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/signals.h"
#include "base/unfinished_file.h"

namespace levin::cli {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<int> first_signal = 0;
sem_t stop_wanted;

extern "C" void on_stop_signal(int signal) {
  const int saved_errno = errno;
  int none = 0;
  if (first_signal.compare_exchange_strong(none, signal)) {
    ::sem_post(&stop_wanted);
  } else if (signal != SIGHUP) {  // a terminal that closes may send several
    base::remove_unfinished_files();
    ::_exit(128 + signal);
  }
  errno = saved_errno;
}

}  // namespace

void install_stop_handler() {
  ::sem_init(&stop_wanted, 0, 0);
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (signal != SIGHUP || !base::is_ignored(signal)) {
      ::sigaction(signal, &action, nullptr);
    }
  }
}

int wait_for_stop_signal() {
  while (::sem_wait(&stop_wanted) != 0 && errno == EINTR) {
  }
  return first_signal.load();
}

}  // namespace levin::cli
