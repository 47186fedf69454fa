#include "base/signals.h"

#include <signal.h>

namespace levin::base {

bool is_ignored(int signal) noexcept {
  struct sigaction inherited {};
  ::sigaction(signal, nullptr, &inherited);
  return inherited.sa_handler == SIG_IGN;
}

}  // namespace levin::base
