#include "base/usable_cores.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <thread>

#include "base/integers.h"

namespace levin::base {
namespace {

constexpr int64_t kNoQuota = std::numeric_limits<int64_t>::max();

/// A positive number at the beginning of a file; kNoQuota for "max", -1 or no such file.
int64_t read_positive(std::istream& file) {
  int64_t value = 0;
  return file >> value && value > 0 ? value : kNoQuota;
}

/// Cores of a quota in microseconds of each period, rounded up; kNoQuota for none.
int64_t cores_of(int64_t quota_us, int64_t period_us) {
  return quota_us == kNoQuota || period_us == kNoQuota ? kNoQuota : ceil_div(quota_us, period_us);
}

/// "quota period" in one file.
int64_t cores_of_v2(const std::string& group) {
  std::ifstream file(group + "/cpu.max");
  const int64_t quota_us = read_positive(file);
  return cores_of(quota_us, read_positive(file));
}

int64_t cores_of_v1(const std::string& group) {
  std::ifstream quota(group + "/cpu.cfs_quota_us");
  std::ifstream period(group + "/cpu.cfs_period_us");
  const int64_t quota_us = read_positive(quota);
  return cores_of(quota_us, read_positive(period));
}

/// The least of the group at `path` below `mount` and all around it. In a container the path may be
/// the host's, of which only the container's own group is there, as `mount` itself.
int64_t least_cores(const std::string& mount, std::string path,
                    int64_t (*cores)(const std::string& group)) {
  int64_t least = cores(mount);
  while (path.size() > 1 && path.front() == '/' && path.find("..") == std::string::npos) {
    least = std::min(least, cores(mount + path));
    path.resize(path.rfind('/'));
  }
  return least;
}

/// Whether "cpu" is one of "cpu,cpuacct".
bool names_cpu(const std::string& controllers) {
  return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

std::optional<int> cpu_quota_cores(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  std::ifstream groups(root + "/proc/self/cgroup");
  int64_t least = kNoQuota;
  for (std::string line; std::getline(groups, line);) {  // "number:controllers:/path"
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, least_cores(mount, path, cores_of_v2));
    } else if (names_cpu(controllers)) {
      least =
          std::min(least, least_cores(fmt::format("{}/{}", mount, controllers), path, cores_of_v1));
    }
  }
  if (least == kNoQuota) {
    return std::nullopt;
  }
  return static_cast<int>(std::min<int64_t>(least, std::numeric_limits<int>::max()));
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int scheduled = sched_getaffinity(0, sizeof set, &set) == 0
                            ? CPU_COUNT(&set)
                            : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, std::min(scheduled, cpu_quota_cores().value_or(scheduled)));
}

}  // namespace levin::base
