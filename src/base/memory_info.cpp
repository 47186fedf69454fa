#include "base/memory_info.h"

#include <sys/resource.h>

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

constexpr const char* kStatus = "/proc/self/status";
constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

/// A number in a control-group file; kUnlimited for "max" or a missing file.
int64_t cgroup_number(const char* path) {
  std::ifstream file(path);
  int64_t value = 0;
  return file >> value ? value : kUnlimited;
}

/// What is left of a `limit`, at least 1.
int64_t left_of(int64_t limit, int64_t used) {
  return limit == kUnlimited ? kUnlimited : std::max<int64_t>(1, limit - used);
}

/// What is left of this process's own limit (`ulimit`). What it has reserved and does not use, such
/// as stacks of threads, is not counted as used.
template <class Resource>
int64_t left_of_own_limit(Resource resource, int64_t used) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur >= static_cast<rlim_t>(kUnlimited)) {
    return kUnlimited;
  }
  return left_of(static_cast<int64_t>(limit.rlim_cur), used);
}

}  // namespace

ProcessMemory process_memory() {
  ProcessMemory memory;
  memory.resident_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "VmRSS"));
  memory.anonymous_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "RssAnon"));
  memory.file_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "RssFile"));
  memory.peak_resident_bytes = std::max<int64_t>(0, proc_field_bytes(kStatus, "VmHWM"));
  return memory;
}

int64_t available_memory_bytes() {
  const int64_t machine = std::max<int64_t>(0, proc_field_bytes("/proc/meminfo", "MemAvailable"));
  const int64_t group = cgroup_number("/sys/fs/cgroup/memory.max");
  const ProcessMemory own = process_memory();
  return std::min({machine, left_of(group, own.anonymous_bytes),
                   left_of_own_limit(RLIMIT_DATA, own.anonymous_bytes),
                   left_of_own_limit(RLIMIT_AS, own.resident_bytes)});
}

int64_t total_memory_bytes() {
  const int64_t machine = std::max<int64_t>(0, proc_field_bytes("/proc/meminfo", "MemTotal"));
  return std::min(machine, cgroup_number("/sys/fs/cgroup/memory.max"));
}

}  // namespace levin::base
