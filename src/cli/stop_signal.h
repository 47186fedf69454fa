// SIGINT, SIGTERM and SIGHUP for a program that serves: the first asks it to stop, a second one
// that is no SIGHUP ends it.
#pragma once

namespace levin::cli {

/// Takes the place of install_interrupt_handler's handlers.
void install_stop_handler();

/// Waits for the first signal and returns it.
int wait_for_stop_signal();

}  // namespace levin::cli
