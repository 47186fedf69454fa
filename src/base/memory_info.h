// What the operating system says about memory.
#pragma once

#include <cstdint>

namespace levin::base {

struct ProcessMemory {
  int64_t resident_bytes = 0;       ///< now
  int64_t anonymous_bytes = 0;      ///< of these, not backed by a file (RssAnon)
  int64_t file_bytes = 0;           ///< of these, mapped files (RssFile)
  int64_t peak_resident_bytes = 0;  ///< since the start (VmHWM)
};

/// Reads /proc/self/status; zeros where it is not there.
[[nodiscard]] ProcessMemory process_memory();

/// Memory that this process may hope for: the machine's MemAvailable, or the control group's
/// remaining limit where that is smaller. 0 means that the system does not say; a process that has
/// used up its limit gets 1.
[[nodiscard]] int64_t available_memory_bytes();

/// Physical memory of the machine, or the control group's limit where that is smaller.
[[nodiscard]] int64_t total_memory_bytes();

}  // namespace levin::base
