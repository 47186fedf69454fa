// Sizes and times in the units that people read.
#pragma once

#include <cstdint>
#include <string>

namespace levin::base {

/// "12.3 GiB", "640 KiB", "512 B": powers of 1024.
[[nodiscard]] std::string format_bytes(int64_t bytes);

/// "2h 5m", "3m 20s", "12s", rounded up.
[[nodiscard]] std::string format_duration(double seconds);

}  // namespace levin::base
