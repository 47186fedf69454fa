#include "serve/accounts/fixed_keys.h"

#include <gtest/gtest.h>

namespace levin::testing {
namespace {

using serve::accounts::FixedKeys;

TEST(FixedKeys, KnowsItsKeysAlone) {
  const FixedKeys keys({"first", " second"});
  for (const char* header : {"Bearer first", "bearer second", "BEARER  first", "Bearer second "}) {
    EXPECT_TRUE(keys.is_known(header)) << header;
  }
  for (const char* header : {"", "first", "Bearer", "Bearer ", "Bearer firs", "Bearer first,",
                             "Basic first", "Bearer FIRST", "Bearerfirst"}) {
    EXPECT_FALSE(keys.is_known(header)) << header;
  }
}

TEST(FixedKeys, ABlankKeyOpensNothing) {
  const FixedKeys keys({" "});
  EXPECT_FALSE(keys.is_empty());
  EXPECT_FALSE(keys.is_known("Bearer "));
  EXPECT_FALSE(keys.is_known(""));
}

TEST(FixedKeys, WithoutKeysNobodyIsKnown) {
  const FixedKeys keys({});
  EXPECT_TRUE(keys.is_empty());
  EXPECT_FALSE(keys.is_known("Bearer first"));
}

}  // namespace
}  // namespace levin::testing
