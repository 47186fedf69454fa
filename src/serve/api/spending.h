// What an answer took, and what of it clients are told.
#pragma once

#include <cstdint>
#include <string>

#include "serve/accounts/prices.h"
#include "serve/api/json.h"

namespace levin::serve::api {

/// Sums over the answers of one request.
struct Spending {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  ///< of the prompt, found in the prefix cache
  int64_t completion_tokens = 0;
  int64_t reasoning_tokens = 0;  ///< of the completion
  int64_t rows_read = 0;         ///< rows of the context that attention read, one layer
  int64_t rows_visible = 0;      ///< rows that dense attention would have read
  double first_token_s = 0;      ///< from the arrival of the request to its first token
  double decode_s = 0;           ///< from the first token to the last
  int64_t decode_tokens = 0;     ///< tokens within decode_s

  Spending& operator+=(const Spending& other);
};

/// Rows that the queries of positions [first_pos, end_pos) read and see, per layer. `index_topk`
/// 0: dense attention.
void count_rows(int64_t first_pos, int64_t end_pos, int64_t index_topk, Spending& spending);

/// For the price table: what was computed and what was not.
[[nodiscard]] accounts::TokenUsage to_token_usage(const Spending& spending);

/// By the price table, as strings of USD.
struct Cost {
  std::string usd;
  std::string without_cache_usd;  ///< if every prompt token had been computed
};

[[nodiscard]] Cost cost_of(const Spending& spending, const accounts::Prices& prices);

/// "usage" as DeepSeek and OpenAI name its members, and cost_usd.
[[nodiscard]] Json usage_json(const Spending& spending, const Cost& cost);

/// "levin": what other APIs do not tell.
[[nodiscard]] Json meter_json(const Spending& spending, const Cost& cost);

}  // namespace levin::serve::api
