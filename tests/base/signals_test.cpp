#include "base/signals.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace levin::base {
namespace {

TEST(Signals, OneIsIgnoredUntilItHasAHandlerOrItsDefault) {
  const auto before = ::signal(SIGHUP, SIG_IGN);
  EXPECT_TRUE(is_ignored(SIGHUP));
  ::signal(SIGHUP, SIG_DFL);
  EXPECT_FALSE(is_ignored(SIGHUP));
  ::signal(SIGHUP, [](int /*signal*/) {});
  EXPECT_FALSE(is_ignored(SIGHUP));
  ::signal(SIGHUP, before);
}

}  // namespace
}  // namespace levin::base
