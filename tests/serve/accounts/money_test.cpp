// Amounts: exact to 10^-12 USD, never beyond their range.
#include "serve/accounts/money.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/error.h"

namespace levin::testing {
namespace {

using base::Error;
using serve::accounts::Money;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(Money, IsReadExactly) {
  EXPECT_EQ(Money::parse_usd("0").picousd(), 0);
  EXPECT_EQ(Money::parse_usd("12").picousd(), 12'000'000'000'000);
  EXPECT_EQ(Money::parse_usd("0.28").picousd(), 280'000'000'000);
  EXPECT_EQ(Money::parse_usd("0.000000000001").picousd(), 1);
  EXPECT_EQ(Money::parse_usd("9223372.036854775807").picousd(), kMax);
}

TEST(Money, IsWrittenExactlyWithAtLeastTwoDigits) {
  EXPECT_EQ(Money().to_usd(), "0.00");
  EXPECT_EQ(Money::parse_usd("110").to_usd(), "110.00");
  EXPECT_EQ(Money::parse_usd("0.5").to_usd(), "0.50");
  EXPECT_EQ(Money::from_picousd(280'000).to_usd(), "0.00000028");
  EXPECT_EQ(Money::from_picousd(-1'500'000'000'000).to_usd(), "-1.50");
  EXPECT_EQ(Money::from_picousd(std::numeric_limits<int64_t>::min()).to_usd(),
            "-9223372.036854775808");
}

TEST(Money, IsTheSameAfterWritingAndReading) {
  for (const int64_t picousd : {int64_t{1}, int64_t{999'999'999'999}, int64_t{28'000}, kMax}) {
    EXPECT_EQ(Money::parse_usd(Money::from_picousd(picousd).to_usd()).picousd(), picousd);
  }
}

TEST(Money, OtherTextIsRefused) {
  for (const char* text : {"", " 1", "1 ", "-1", "+1", ".5", "1.", "1.0000000000001", "1e3", "1,5",
                           "0x10", "nan", "1.2.3", "\xFF"}) {
    EXPECT_THROW((void)Money::parse_usd(text), Error) << text;
  }
}

TEST(Money, WhatCannotBeCountedIsRefused) {
  EXPECT_THROW((void)Money::parse_usd("9223372.036854775808"), Error);
  EXPECT_THROW((void)Money::parse_usd(std::string(400, '9')), Error);
  const Money largest = Money::from_picousd(kMax);
  const Money one = Money::from_picousd(1);
  EXPECT_THROW((void)(largest + one), Error);
  EXPECT_THROW((void)(largest * 2), Error);
  EXPECT_THROW((void)(Money() - largest - one - one), Error);
}

}  // namespace
}  // namespace levin::testing
