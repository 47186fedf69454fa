// The time of day.
#pragma once

#include <cstdint>
#include <ctime>

namespace levin::base {

/// Seconds since 1970.
[[nodiscard]] inline int64_t unix_time_s() { return static_cast<int64_t>(std::time(nullptr)); }

}  // namespace levin::base
