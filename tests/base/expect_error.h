// What tests of misuse expect.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace levin::testing {

/// `action` throws an Error of that code, whose message is one line that holds `part`.
template <typename Action>
void expect_error(const Action& action, base::ErrorCode code, const std::string& part) {
  try {
    action();
    FAIL() << "an error was expected: " << part;
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("\n")));
  }
}

}  // namespace levin::testing
