// Usage by day: how days are named, counted and chosen.
#include "serve/accounts/usage.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "serve/accounts/books.h"

namespace levin::testing {
namespace {

using base::Error;
using serve::accounts::count_usage;
using serve::accounts::Database;
using serve::accounts::day_of;
using serve::accounts::format_day;
using serve::accounts::list_usage;
using serve::accounts::parse_day;
using serve::accounts::UsageTotals;

TEST(UsageDays, BeginAtMidnightUtc) {
  EXPECT_EQ(format_day(day_of(0)), "1970-01-01");
  EXPECT_EQ(format_day(day_of(1'759'103'999)), "2025-09-28");
  EXPECT_EQ(format_day(day_of(1'759'104'000)), "2025-09-29");
  EXPECT_EQ(format_day(day_of(-1)), "1969-12-31");
}

TEST(UsageDays, AreReadAsTheyAreWritten) {
  EXPECT_EQ(parse_day("2025-09-29"), day_of(1'759'104'000));
  EXPECT_EQ(format_day(parse_day("2024-02-29")), "2024-02-29");
  for (const char* text : {"", "2025-9-29", "2025-02-29", "2025-13-01", "2025-00-10", "today",
                           "2025-09-29 ", "+025-09-29", "2025--9-29"}) {
    EXPECT_THROW((void)parse_day(text), Error) << text;
  }
}

class Usage : public AccountsFileTest {
 protected:
  Database database_ = open();
  UsageTotals one_ = {
      .requests = 1,
      .tokens = {.cache_hit_tokens = 64, .cache_miss_tokens = 6, .completion_tokens = 3},
      .cost = pico(50),
      .charged = pico(0)};
};

TEST_F(Usage, OfADayAddsUp) {
  const int64_t key_id = create("a", pico(1)).key.id;
  count_usage(database_, key_id, 10, one_);
  count_usage(database_, key_id, 10, one_);
  const auto days = list_usage(database_, {});
  ASSERT_EQ(days.size(), 1U);
  EXPECT_EQ(days[0].key_name, "a");
  EXPECT_EQ(days[0].day, 10);
  EXPECT_EQ(days[0].totals.requests, 2);
  EXPECT_EQ(days[0].totals.tokens.cache_hit_tokens, 128);
  EXPECT_EQ(days[0].totals.tokens.cache_miss_tokens, 12);
  EXPECT_EQ(days[0].totals.tokens.completion_tokens, 6);
  EXPECT_EQ(days[0].totals.cost, pico(100));
}

TEST_F(Usage, IsChosenByKeyAndDay) {
  const int64_t first = create("a", pico(1)).key.id;
  const int64_t second = create("b", pico(1)).key.id;
  for (const int64_t day : {10, 11, 12}) {
    count_usage(database_, first, day, one_);
    count_usage(database_, second, day, one_);
  }
  EXPECT_EQ(list_usage(database_, {}).size(), 6U);
  EXPECT_EQ(list_usage(database_, {.key_name = "b"}).size(), 3U);
  EXPECT_EQ(list_usage(database_, {.first_day = 11}).size(), 4U);
  EXPECT_EQ(list_usage(database_, {.key_name = "a", .first_day = 11, .last_day = 11}).size(), 1U);
  EXPECT_TRUE(list_usage(database_, {.first_day = 12, .last_day = 11}).empty());
  EXPECT_THROW((void)list_usage(database_, {.key_name = "c"}), Error);
}

TEST_F(Usage, BeyondTheRangeIsRefused) {
  const int64_t key_id = create("a", pico(1)).key.id;
  UsageTotals most;
  most.tokens.completion_tokens = std::numeric_limits<int64_t>::max();
  count_usage(database_, key_id, 10, most);
  EXPECT_THROW(count_usage(database_, key_id, 10, one_), Error);
}

}  // namespace
}  // namespace levin::testing
