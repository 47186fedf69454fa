// What keys used, counted by day.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/accounts/database.h"
#include "serve/accounts/money.h"
#include "serve/accounts/prices.h"

namespace levin::serve::accounts {

struct UsageTotals {
  int64_t requests = 0;
  TokenUsage tokens = {};
  Money cost = {};     ///< by the prices of the time
  Money charged = {};  ///< of it, taken from balances
};

struct UsageDay {
  std::string key_name;
  int64_t day = 0;  ///< days since 1970-01-01, UTC
  UsageTotals totals;
};

/// Which days to list; unset members do not restrict.
struct UsageFilter {
  std::optional<std::string> key_name = {};
  std::optional<int64_t> first_day = {};
  std::optional<int64_t> last_day = {};
};

[[nodiscard]] int64_t day_of(int64_t unix_s);
/// "2025-09-29".
[[nodiscard]] std::string format_day(int64_t day);
/// Reads "2025-09-29" as a day since 1970; throws Error(kInvalidArgument) for anything else.
[[nodiscard]] int64_t parse_day(std::string_view text);

/// Throws Error(kInvalidArgument) beyond the range of the counters.
[[nodiscard]] UsageTotals operator+(const UsageTotals& a, const UsageTotals& b);

/// Adds to the day of a key. Inside a transaction.
void count_usage(Database& database, int64_t key_id, int64_t day, const UsageTotals& added);

/// In the order of days, then of keys. Throws Error(kNotFound) for a key that is not there.
[[nodiscard]] std::vector<UsageDay> list_usage(Database& database, const UsageFilter& filter);

}  // namespace levin::serve::accounts
