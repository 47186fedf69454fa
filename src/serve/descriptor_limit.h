// How many files and sockets the process may have open (ulimit -n).
#pragma once

#include <cstdint>

namespace levin::serve {

/// Raises the soft limit towards `wanted` as far as the hard limit allows, and returns what holds
/// (`wanted` where nothing limits it). Never lowers it.
int64_t raise_descriptor_limit(int64_t wanted);

}  // namespace levin::serve
