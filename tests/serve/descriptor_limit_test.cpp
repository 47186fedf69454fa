#include "serve/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace levin::serve {
namespace {

TEST(DescriptorLimit, RisesToWhatIsWantedAndNeverFalls) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_GE(before.rlim_max, 120U);
  const rlimit low{.rlim_cur = 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_descriptor_limit(110), 110);
  EXPECT_EQ(raise_descriptor_limit(50), 110);
  rlimit raised{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &raised), 0);
  EXPECT_EQ(raised.rlim_cur, 110U);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace levin::serve
