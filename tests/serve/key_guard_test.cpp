#include "serve/key_guard.h"

#include <gtest/gtest.h>

namespace levin::serve {
namespace {

TEST(KeyGuard, KnowsItsKeysAlone) {
  const KeyGuard guard({"first", "second"});
  EXPECT_TRUE(guard.is_known("Bearer first"));
  EXPECT_TRUE(guard.is_known("bearer second"));
  for (const char* header : {"", "first", "Bearer", "Bearer ", "Bearer firs", "Bearer first ",
                             "Basic first", "Bearer FIRST"}) {
    EXPECT_FALSE(guard.is_known(header)) << header;
  }
}

}  // namespace
}  // namespace levin::serve
