#include "serve/accounts/prices.h"

#include <algorithm>

#include "base/error.h"

namespace levin::serve::accounts {
namespace {

constexpr int64_t kTokensPerPrice = 1'000'000;

void require_count(int64_t tokens, const char* name) {
  if (tokens < 0) {
    base::throw_error(base::ErrorCode::kInvalidArgument, name,
                      "a count of tokens from 0 up expected, got {}", tokens);
  }
}

}  // namespace

Money parse_token_price(std::string_view usd_per_million_tokens) {
  const Money price = Money::parse_usd(usd_per_million_tokens);
  if (price.picousd() % kTokensPerPrice != 0) {
    base::throw_error(base::ErrorCode::kInvalidArgument, {},
                      "a price of {} USD per million tokens is too fine; use at most six digits "
                      "after the point",
                      usd_per_million_tokens);
  }
  return Money::from_picousd(price.picousd() / kTokensPerPrice);
}

Money cost(const TokenUsage& usage, const Prices& prices) {
  require_count(usage.cache_hit_tokens, "cache_hit_tokens");
  require_count(usage.cache_miss_tokens, "cache_miss_tokens");
  require_count(usage.completion_tokens, "completion_tokens");
  return prices.cache_hit_token * usage.cache_hit_tokens +
         prices.cache_miss_token * usage.cache_miss_tokens +
         prices.completion_token * usage.completion_tokens;
}

Money cost_without_cache(const TokenUsage& usage, const Prices& prices) {
  Prices uncached = prices;
  uncached.cache_hit_token = prices.cache_miss_token;
  return cost(usage, uncached);
}

Money max_cost(int64_t prompt_tokens, int64_t max_completion_tokens, const Prices& prices) {
  Prices dearest = prices;
  dearest.cache_miss_token = std::max(prices.cache_hit_token, prices.cache_miss_token);
  return cost({.cache_miss_tokens = prompt_tokens, .completion_tokens = max_completion_tokens},
              dearest);
}

}  // namespace levin::serve::accounts
