// How many threads can run at once.
#pragma once

#include <optional>
#include <string>

namespace levin::base {

/// Cores that the process may use: those it may be scheduled on, or fewer where the CPU quota of
/// its control group is less. At least 1.
[[nodiscard]] int usable_cores();

/// The CPU quota of the process's control group and of those around it, in cores rounded up, at
/// least 1; nothing if none has one. Reads cpu.max (v2) or cpu.cfs_quota_us (v1) under
/// `root`/sys/fs/cgroup at the places that `root`/proc/self/cgroup names.
[[nodiscard]] std::optional<int> cpu_quota_cores(const std::string& root = "");

}  // namespace levin::base
