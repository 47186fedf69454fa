#include "serve/accounts/usage.h"

#include <charconv>
#include <chrono>
#include <limits>

#include "base/error.h"
#include "serve/accounts/key_store.h"

namespace levin::serve::accounts {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kFirstDay = 0;
constexpr int64_t kLastDay = std::numeric_limits<int32_t>::max();

constexpr const char* kTotalsColumns =
    "requests, cache_hit_tokens, cache_miss_tokens, completion_tokens, cost_picousd, "
    "charged_picousd";

int64_t add_counts(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "a count of usage is beyond its range");
  }
  return sum;
}

/// From the six columns that begin at `column`.
UsageTotals read_totals(const Statement& row, int column) {
  return {.requests = row.integer(column),
          .tokens = {.cache_hit_tokens = row.integer(column + 1),
                     .cache_miss_tokens = row.integer(column + 2),
                     .completion_tokens = row.integer(column + 3)},
          .cost = Money::from_picousd(row.integer(column + 4)),
          .charged = Money::from_picousd(row.integer(column + 5))};
}

UsageTotals totals_of(Database& database, int64_t key_id, int64_t day) {
  Statement row = database.prepare(
      fmt::format("SELECT {} FROM usage_days WHERE key_id = ? AND day = ?", kTotalsColumns));
  return row.bind(key_id).bind(day).step() ? read_totals(row, 0) : UsageTotals{};
}

/// The number that all of `text` is; -1 if it is none.
int parse_digits(std::string_view text) {
  int value = -1;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size() ? value : -1;
}

}  // namespace

int64_t day_of(int64_t unix_s) {
  return unix_s >= 0 ? unix_s / kSecondsPerDay : (unix_s + 1) / kSecondsPerDay - 1;
}

std::string format_day(int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

int64_t parse_day(std::string_view text) {
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    const int year = parse_digits(text.substr(0, 4));
    const int month = parse_digits(text.substr(5, 2));
    const int day = parse_digits(text.substr(8, 2));
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    if (year >= 0 && month >= 0 && day >= 0 && date.ok()) {
      return std::chrono::sys_days{date}.time_since_epoch().count();
    }
  }
  base::throw_error(base::ErrorCode::kInvalidArgument, {},
                    "\"{}\" is no date; write it as 2025-09-29", text.substr(0, 32));
}

UsageTotals operator+(const UsageTotals& a, const UsageTotals& b) {
  return {.requests = add_counts(a.requests, b.requests),
          .tokens = {.cache_hit_tokens =
                         add_counts(a.tokens.cache_hit_tokens, b.tokens.cache_hit_tokens),
                     .cache_miss_tokens =
                         add_counts(a.tokens.cache_miss_tokens, b.tokens.cache_miss_tokens),
                     .completion_tokens =
                         add_counts(a.tokens.completion_tokens, b.tokens.completion_tokens)},
          .cost = a.cost + b.cost,
          .charged = a.charged + b.charged};
}

void count_usage(Database& database, int64_t key_id, int64_t day, const UsageTotals& added) {
  const UsageTotals totals = totals_of(database, key_id, day) + added;
  database
      .prepare(fmt::format("INSERT OR REPLACE INTO usage_days (key_id, day, {}) "
                           "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                           kTotalsColumns))
      .bind(key_id)
      .bind(day)
      .bind(totals.requests)
      .bind(totals.tokens.cache_hit_tokens)
      .bind(totals.tokens.cache_miss_tokens)
      .bind(totals.tokens.completion_tokens)
      .bind(totals.cost.picousd())
      .bind(totals.charged.picousd())
      .run();
}

std::vector<UsageDay> list_usage(Database& database, const UsageFilter& filter) {
  std::optional<int64_t> key_id;
  if (filter.key_name.has_value()) {
    key_id = get_key(database, *filter.key_name).id;
  }
  Statement row = database.prepare(fmt::format(
      "SELECT keys.name, day, {} FROM usage_days JOIN keys ON keys.id = key_id WHERE key_id = "
      "coalesce(?, key_id) AND day BETWEEN ? AND ? ORDER BY day, keys.id",
      kTotalsColumns));
  row.bind(key_id).bind(filter.first_day.value_or(kFirstDay));
  row.bind(filter.last_day.value_or(kLastDay));
  std::vector<UsageDay> days;
  while (row.step()) {
    days.push_back({.key_name = row.text(0), .day = row.integer(1), .totals = read_totals(row, 2)});
  }
  return days;
}

}  // namespace levin::serve::accounts
