#include "base/cancel.h"

#include <gtest/gtest.h>

namespace levin::base {
namespace {

TEST(CancelToken, ThrowsFromCancelToReset) {
  CancelToken token;
  EXPECT_NO_THROW(token.throw_if_cancelled());
  token.cancel();
  EXPECT_TRUE(token.is_cancelled());
  try {
    token.throw_if_cancelled();
    FAIL() << "an error was expected";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCancelled);
  }
  token.reset();
  EXPECT_NO_THROW(token.throw_if_cancelled());
}

}  // namespace
}  // namespace levin::base
