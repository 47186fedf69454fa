#include "base/memory_info.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace levin::base {
namespace {

/// Value of "Name:   123 kB" in a /proc file, in bytes; -1 if missing.
int64_t proc_field_bytes(const char* path, const std::string& name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(name + ":", 0) == 0) {
      std::istringstream fields(line.substr(name.size() + 1));
      int64_t kib = 0;
      return fields >> kib ? kib * 1024 : -1;
    }
  }
  return -1;
}

/// A number in a control-group file; the largest int64 for "max" or a missing file.
int64_t cgroup_number(const char* path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : std::numeric_limits<int64_t>::max();
}

}  // namespace

ProcessMemory process_memory() {
  constexpr const char* kStatus = "/proc/self/status";
  ProcessMemory memory;
  memory.resident_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "VmRSS"));
  memory.anonymous_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "RssAnon"));
  memory.file_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "RssFile"));
  memory.peak_resident_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "VmHWM"));
  return memory;
}

int64_t available_memory_bytes() {
  const int64_t machine = std::max<int64_t>(0, proc_field_bytes("/proc/meminfo", "MemAvailable"));
  const int64_t limit = cgroup_number("/sys/fs/cgroup/memory.max");
  if (limit == std::numeric_limits<int64_t>::max()) {
    return machine;
  }
  const int64_t used = process_memory().anonymous_bytes;
  return std::min(machine, std::max<int64_t>(1, limit - used));
}

int64_t total_memory_bytes() {
  const int64_t machine = std::max<int64_t>(0, proc_field_bytes("/proc/meminfo", "MemTotal"));
  return std::min(machine, cgroup_number("/sys/fs/cgroup/memory.max"));
}

}  // namespace levin::base
