#include "base/environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace levin::base {
namespace {

constexpr const char* kVariable = "LEVIN_TEST_FOLDER";

TEST(Environment, APathCountsOnlyIfItIsAbsolute) {
  ::setenv(kVariable, "/var/lib", 1);
  EXPECT_EQ(absolute_path_of(kVariable), "/var/lib");
  for (const char* other : {"", "var/lib", "~/lib", "./lib"}) {
    ::setenv(kVariable, other, 1);
    EXPECT_EQ(absolute_path_of(kVariable), "") << other;
  }
  ::unsetenv(kVariable);
  EXPECT_EQ(absolute_path_of(kVariable), "");
}

}  // namespace
}  // namespace levin::base
