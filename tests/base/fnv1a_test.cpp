#include "base/fnv1a.h"

#include <gtest/gtest.h>

namespace levin::base {
namespace {

// Published values: weights, data and journals are functions of them.
TEST(Fnv1a, HasThePublishedValues) {
  static_assert(fnv1a("") == 0xCBF29CE484222325ULL);
  EXPECT_EQ(fnv1a("a"), 0xAF63DC4C8601EC8CULL);
  EXPECT_EQ(fnv1a("foobar"), 0x85944171F73967E8ULL);
}

TEST(Fnv1a, GoesOnBehindTheBytesBefore) { EXPECT_EQ(fnv1a("bar", fnv1a("foo")), fnv1a("foobar")); }

}  // namespace
}  // namespace levin::base
