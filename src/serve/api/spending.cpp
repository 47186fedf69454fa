#include "serve/api/spending.h"

#include <algorithm>
#include <cmath>

namespace levin::serve::api {
namespace {

/// 0 + 1 + ... + (count - 1)
int64_t sum_below(int64_t count) { return count * (count - 1) / 2; }

double round_to(double value, double steps_per_unit) {
  return std::round(value * steps_per_unit) / steps_per_unit;
}

}  // namespace

Spending& Spending::operator+=(const Spending& other) {
  prompt_tokens += other.prompt_tokens;
  cached_tokens += other.cached_tokens;
  completion_tokens += other.completion_tokens;
  reasoning_tokens += other.reasoning_tokens;
  rows_read += other.rows_read;
  rows_visible += other.rows_visible;
  first_token_s = std::max(first_token_s, other.first_token_s);
  decode_s = std::max(decode_s, other.decode_s);
  decode_tokens += other.decode_tokens;
  return *this;
}

void count_rows(int64_t first_pos, int64_t end_pos, int64_t index_topk, Spending& spending) {
  // The query at position p sees p + 1 rows.
  const auto visible_below = [](int64_t pos) { return sum_below(pos + 1); };
  const auto read_below = [&](int64_t pos) {
    return index_topk == 0 || pos <= index_topk
               ? visible_below(pos)
               : visible_below(index_topk) + (pos - index_topk) * index_topk;
  };
  if (end_pos > first_pos) {
    spending.rows_visible += visible_below(end_pos) - visible_below(first_pos);
    spending.rows_read += read_below(end_pos) - read_below(first_pos);
  }
}

accounts::TokenUsage to_token_usage(const Spending& spending) {
  return {.cache_hit_tokens = spending.cached_tokens,
          .cache_miss_tokens = spending.prompt_tokens - spending.cached_tokens,
          .completion_tokens = spending.completion_tokens};
}

Cost cost_of(const Spending& spending, const accounts::Prices& prices) {
  const accounts::TokenUsage usage = to_token_usage(spending);
  return {.usd = accounts::cost(usage, prices).to_usd(),
          .without_cache_usd = accounts::cost_without_cache(usage, prices).to_usd()};
}

Json usage_json(const Spending& spending, const Cost& cost) {
  return {{"prompt_tokens", spending.prompt_tokens},
          {"completion_tokens", spending.completion_tokens},
          {"total_tokens", spending.prompt_tokens + spending.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", spending.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", spending.reasoning_tokens}}},
          {"prompt_cache_hit_tokens", spending.cached_tokens},
          {"prompt_cache_miss_tokens", spending.prompt_tokens - spending.cached_tokens},
          {"cost_usd", cost.usd}};
}

Json meter_json(const Spending& spending, const Cost& cost) {
  const double tokens_per_s =
      spending.decode_s > 0 ? static_cast<double>(spending.decode_tokens) / spending.decode_s : 0;
  const double share = spending.rows_visible > 0 ? static_cast<double>(spending.rows_read) /
                                                       static_cast<double>(spending.rows_visible)
                                                 : 0;
  return {{"time_to_first_token_ms", round_to(spending.first_token_s * 1000, 10)},
          {"decode_tokens_per_s", round_to(tokens_per_s, 10)},
          {"context_share_read", round_to(share, 1e6)},
          {"cost_usd", cost.usd},
          {"cost_without_cache_usd", cost.without_cache_usd}};
}

}  // namespace levin::serve::api
