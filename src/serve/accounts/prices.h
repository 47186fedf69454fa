// What tokens cost.
#pragma once

#include <cstdint>
#include <string_view>

#include "serve/accounts/money.h"

namespace levin::serve::accounts {

/// Tokens of one request. The prompt is hit + miss; the completion includes reasoning.
struct TokenUsage {
  int64_t cache_hit_tokens = 0;   ///< prompt tokens that came from the prefix cache
  int64_t cache_miss_tokens = 0;  ///< prompt tokens that were computed
  int64_t completion_tokens = 0;  ///< generated
};

/// Prices of single tokens. The defaults are those of DeepSeek-V3.2-Exp from 2025-09-29: 0.028,
/// 0.28 and 0.42 USD per million tokens.
struct Prices {
  Money cache_hit_token = Money::from_picousd(28'000);
  Money cache_miss_token = Money::from_picousd(280'000);
  Money completion_token = Money::from_picousd(420'000);
};

/// The price of one token, from a price in USD per million tokens such as "0.028". Throws
/// Error(kInvalidArgument) for text that is no amount, and for more than six digits after the
/// point: such a price is no whole number of 10^-12 USD per token.
[[nodiscard]] Money parse_token_price(std::string_view usd_per_million_tokens);

/// hit * p_hit + miss * p_miss + completion * p_out, exactly. Throws Error(kInvalidArgument) for
/// negative counts and beyond the range of Money.
[[nodiscard]] Money cost(const TokenUsage& usage, const Prices& prices);

/// What `usage` had cost without a prefix cache: every prompt token computed.
[[nodiscard]] Money cost_without_cache(const TokenUsage& usage, const Prices& prices);

/// The most that a request can cost: every prompt token at the dearer of the two prompt prices,
/// and the longest completion. Throws as cost.
[[nodiscard]] Money max_cost(int64_t prompt_tokens, int64_t max_completion_tokens,
                             const Prices& prices);

}  // namespace levin::serve::accounts
