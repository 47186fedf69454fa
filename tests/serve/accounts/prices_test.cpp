// What tokens cost: exact for a single token as for billions.
#include "serve/accounts/prices.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "serve/accounts/books.h"

namespace levin::testing {
namespace {

using base::Error;
using serve::accounts::cost;
using serve::accounts::cost_without_cache;
using serve::accounts::max_cost;
using serve::accounts::parse_token_price;
using serve::accounts::Prices;

TEST(Prices, DefaultsAreThoseOfV32Exp) {
  const Prices prices;
  EXPECT_EQ(prices.cache_hit_token, parse_token_price("0.028"));
  EXPECT_EQ(prices.cache_miss_token, parse_token_price("0.28"));
  EXPECT_EQ(prices.completion_token, parse_token_price("0.42"));
}

TEST(Prices, AMillionTokensCostThePrice) {
  EXPECT_EQ(cost({.cache_hit_tokens = 1'000'000}, {}).to_usd(), "0.028");
  EXPECT_EQ(cost({.cache_miss_tokens = 1'000'000}, {}).to_usd(), "0.28");
  EXPECT_EQ(cost({.completion_tokens = 1'000'000}, {}).to_usd(), "0.42");
}

TEST(Prices, TenCachedTokensAreNotRoundedAway) {
  EXPECT_EQ(cost({.cache_hit_tokens = 10}, {}).to_usd(), "0.00000028");
}

TEST(Prices, KindsOfTokensAddUp) {
  const serve::accounts::TokenUsage usage = {
      .cache_hit_tokens = 64, .cache_miss_tokens = 7, .completion_tokens = 3};
  EXPECT_EQ(cost(usage, {}), pico(64 * 28'000 + 7 * 280'000 + 3 * 420'000));
  EXPECT_EQ(cost_without_cache(usage, {}), pico(71 * 280'000 + 3 * 420'000));
}

TEST(Prices, NothingCostsMoreThanTheMaximum) {
  Prices prices;
  EXPECT_EQ(max_cost(100, 10, prices), pico(100 * 280'000 + 10 * 420'000));
  prices.cache_hit_token = prices.cache_miss_token * 3;  // an odd price table is no loophole
  EXPECT_GE(max_cost(100, 10, prices),
            cost({.cache_hit_tokens = 100, .completion_tokens = 10}, prices));
}

TEST(Prices, FinerPricesThanCanBeCountedAreRefused) {
  EXPECT_EQ(parse_token_price("0.000001"), pico(1));
  EXPECT_THROW((void)parse_token_price("0.0000001"), Error);
  EXPECT_THROW((void)parse_token_price("cheap"), Error);
}

TEST(Prices, ImpossibleCountsAreRefused) {
  EXPECT_THROW((void)cost({.cache_hit_tokens = -1}, {}), Error);
  EXPECT_THROW((void)cost({.completion_tokens = std::numeric_limits<int64_t>::max()}, {}), Error);
}

}  // namespace
}  // namespace levin::testing
