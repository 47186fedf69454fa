// CPU quotas of control groups, read from files that the test makes.
#include "base/usable_cores.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "formats/temporary_folder.h"

namespace levin::base {
namespace {

namespace fs = std::filesystem;

class CpuQuota : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& content) const {
    const fs::path path = folder_.file(name);
    fs::create_directories(path.parent_path());
    std::ofstream(path) << content << "\n";
  }
  [[nodiscard]] std::optional<int> cores() const { return cpu_quota_cores(folder_.path()); }

  levin::testing::TemporaryFolder folder_;
};

TEST_F(CpuQuota, IsNothingWithoutAControlGroupOrALimit) {
  EXPECT_EQ(cores(), std::nullopt);
  write("proc/self/cgroup", "0::/");
  EXPECT_EQ(cores(), std::nullopt);
  write("sys/fs/cgroup/cpu.max", "max 100000");
  EXPECT_EQ(cores(), std::nullopt);
}

TEST_F(CpuQuota, IsRoundedUpAndAtLeastOne) {
  write("proc/self/cgroup", "0::/");
  write("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(cores(), 2);
  write("sys/fs/cgroup/cpu.max", "210000 100000");
  EXPECT_EQ(cores(), 3);
  write("sys/fs/cgroup/cpu.max", "1000 100000");
  EXPECT_EQ(cores(), 1);
}

TEST_F(CpuQuota, IsTheLeastOfTheGroupAndThoseAroundIt) {
  write("proc/self/cgroup", "0::/pod/work");
  write("sys/fs/cgroup/pod/work/cpu.max", "max 100000");
  write("sys/fs/cgroup/pod/cpu.max", "400000 100000");
  EXPECT_EQ(cores(), 4);
  write("sys/fs/cgroup/pod/work/cpu.max", "150000 50000");
  EXPECT_EQ(cores(), 3);
}

TEST_F(CpuQuota, IsThatOfTheContainerWhereThePathIsTheHosts) {
  write("proc/self/cgroup", "0::/docker/0123");
  write("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(cores(), 2);
  write("proc/self/cgroup", "0::/../../docker");
  EXPECT_EQ(cores(), 2);
}

TEST_F(CpuQuota, IsReadOfVersionOneToo) {
  write("proc/self/cgroup", "5:cpuset:/job\n4:cpu,cpuacct:/job\n0::/");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000");
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(cores(), std::nullopt);
  write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000");
  EXPECT_EQ(cores(), 3);
}

TEST_F(CpuQuota, OfNonsenseIsNothing) {
  for (const char* nonsense : {"", "x", "100000", "0 100000", "100000 0", "-5 100000"}) {
    write("proc/self/cgroup", "0::/\nwithout colons\n1:cpu");
    write("sys/fs/cgroup/cpu.max", nonsense);
    EXPECT_EQ(cores(), std::nullopt) << nonsense;
  }
}

TEST(UsableCores, ThereIsOne) { EXPECT_GE(usable_cores(), 1); }

}  // namespace
}  // namespace levin::base
