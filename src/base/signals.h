// Signals as a program inherits them.
#pragma once

namespace levin::base {

/// True if the program ignores the signal, because who started it wants that: nohup and SIGHUP.
[[nodiscard]] bool is_ignored(int signal) noexcept;

}  // namespace levin::base
