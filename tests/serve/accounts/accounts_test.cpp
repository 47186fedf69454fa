// What the service asks: who is this, may the request run, what did it cost.
#include "serve/accounts/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file_size_limit.h"
#include "serve/accounts/books.h"

namespace levin::testing {
namespace {

using serve::accounts::Accounts;
using serve::accounts::Admission;
using serve::accounts::CreatedKey;
using serve::accounts::Database;
using serve::accounts::Key;
using serve::accounts::max_cost;
using serve::accounts::Money;
using serve::accounts::NewKey;
using serve::accounts::Refusal;
using serve::accounts::Refused;
using serve::accounts::Settlement;
using ::testing::HasSubstr;
using ::testing::Not;

class AccountsTest : public AccountsFileTest {
 protected:
  [[nodiscard]] CreatedKey make(const NewKey& wanted) const {
    Database database = open();
    return serve::accounts::create_key(database, wanted, 0);
  }

  [[nodiscard]] std::unique_ptr<Admission> admit(const Key& key, int64_t prompt_tokens = 100,
                                                 int64_t max_completion_tokens = 10) {
    auto result = accounts_.admit(key, prompt_tokens, max_completion_tokens);
    auto* admission = std::get_if<std::unique_ptr<Admission>>(&result);
    EXPECT_NE(admission, nullptr) << std::get<Refused>(result).message;
    return admission == nullptr ? nullptr : std::move(*admission);
  }
  /// A default Refused, with a failure, if the request was admitted.
  [[nodiscard]] Refused refuse(const Key& key, int64_t prompt_tokens = 100,
                               int64_t max_completion_tokens = 10) {
    auto result = accounts_.admit(key, prompt_tokens, max_completion_tokens);
    const auto* refused = std::get_if<Refused>(&result);
    EXPECT_NE(refused, nullptr);
    return refused == nullptr ? Refused{} : *refused;
  }
  [[nodiscard]] Refusal refusal_of(std::string_view authorization) const {
    const auto result = accounts_.authenticate(authorization);
    const auto* refused = std::get_if<Refused>(&result);
    EXPECT_NE(refused, nullptr);
    return refused == nullptr ? Refusal::kNoBalance : refused->reason;
  }

  int64_t unix_s_ = 1'759'104'000;  // 2025-09-29
  double steady_s_ = 0;
  Accounts accounts_{{.path = path(),
                      .prices = {},
                      .unix_time_s = [this] { return unix_s_; },
                      .steady_time_s = [this] { return steady_s_; }}};
};

TEST_F(AccountsTest, AKeyIsKnownByItsBearerHeader) {
  const CreatedKey made = make({.name = "a"});
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER  "}) {
    const auto result = accounts_.authenticate(scheme + made.secret);
    ASSERT_TRUE(std::holds_alternative<Key>(result)) << scheme;
    EXPECT_EQ(std::get<Key>(result).name, "a");
    EXPECT_EQ(std::get<Key>(result).prefix_salt, made.key.prefix_salt);
  }
}

TEST_F(AccountsTest, EverythingElseIsRefused) {
  const CreatedKey made = make({.name = "a"});
  for (const std::string& header : {std::string(), std::string("Bearer"), std::string("Bearer "),
                                    "Basic " + made.secret, made.secret, "Bearer" + made.secret}) {
    EXPECT_EQ(refusal_of(header), Refusal::kNoKey) << header;
  }
  for (const std::string& secret : {made.secret + "x", made.key.hint, std::string(100'000, 'x'),
                                    "' OR 1=1 --" + std::string(1, '\0')}) {
    EXPECT_EQ(refusal_of("Bearer " + secret), Refusal::kUnknownKey);
  }
}

TEST_F(AccountsTest, RevocationHoldsForTheNextRequest) {
  const CreatedKey made = make({.name = "a"});
  ASSERT_TRUE(std::holds_alternative<Key>(accounts_.authenticate("Bearer " + made.secret)));
  Database database = open();
  serve::accounts::revoke_key(database, "a", 0);
  EXPECT_EQ(refusal_of("Bearer " + made.secret), Refusal::kRevokedKey);
}

TEST_F(AccountsTest, ARequestIsChargedWhatItCost) {
  const Key key = make({.name = "a", .topped_up = Money::parse_usd("1")}).key;
  const auto admission = admit(key);
  EXPECT_EQ(accounts_.balance(key).reserved, max_cost(100, 10, {}));
  const Settlement settlement =
      admission->settle({.cache_hit_tokens = 64, .cache_miss_tokens = 36, .completion_tokens = 4});
  EXPECT_EQ(settlement.cost, pico(64 * 28'000 + 36 * 280'000 + 4 * 420'000));
  EXPECT_EQ(settlement.charged, settlement.cost);
  EXPECT_EQ(accounts_.balance(key).available(), Money::parse_usd("1") - settlement.cost);
  EXPECT_EQ(usage().requests, 1);
}

TEST_F(AccountsTest, UsageCountsForTheDayOfItsEnd) {
  const Key key = make({.name = "a", .is_metered = false}).key;
  const auto admission = admit(key);
  unix_s_ += 86'400;
  admission->settle({.completion_tokens = 1});
  Database database = open();
  EXPECT_EQ(serve::accounts::list_usage(database, {}).at(0).day,
            serve::accounts::parse_day("2025-09-30"));
}

TEST_F(AccountsTest, AnEmptyBalanceIsRefusedWithTheAmounts) {
  const Key key = make({.name = "a"}).key;
  const Refused refused = refuse(key);
  EXPECT_EQ(refused.reason, Refusal::kNoBalance);
  EXPECT_EQ(refused.retry_after_s, 0);
  EXPECT_THAT(refused.message, HasSubstr(max_cost(100, 10, {}).to_usd()));
  EXPECT_THAT(refused.message, HasSubstr("0.00 USD are available"));
}

TEST_F(AccountsTest, AskingTellsWhoIsRefusedInAnyCaseAndTakesNothing) {
  const Key rich = make({.name = "rich", .topped_up = max_cost(1, 1, {})}).key;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(accounts_.ask(rich).has_value());
  }
  EXPECT_EQ(accounts_.balance(rich).available(), max_cost(1, 1, {}));
  EXPECT_EQ(usage().requests, 0);

  const Key poor = make({.name = "poor", .topped_up = max_cost(1, 1, {}) - pico(1)}).key;
  ASSERT_TRUE(accounts_.ask(poor).has_value());
  EXPECT_EQ(accounts_.ask(poor)->reason, Refusal::kNoBalance);
  EXPECT_THAT(accounts_.ask(poor)->message, HasSubstr("top up"));

  const Key free = make({.name = "free", .is_metered = false}).key;
  EXPECT_FALSE(accounts_.ask(free).has_value());
}

TEST_F(AccountsTest, AskingSeesTheLimitsOfTheKey) {
  const Key key = make({.name = "a", .is_metered = false, .limits = {.max_concurrent = 1}}).key;
  const auto running = admit(key);
  ASSERT_TRUE(accounts_.ask(key).has_value());
  EXPECT_EQ(accounts_.ask(key)->reason, Refusal::kTooManyRequests);
  EXPECT_GE(accounts_.ask(key)->retry_after_s, 1);
  running->release();
  EXPECT_FALSE(accounts_.ask(key).has_value());
}

TEST_F(AccountsTest, AKeyThatIsNotMeteredIsCountedAndNeverCharged) {
  const Key key = make({.name = "a", .is_metered = false}).key;
  const Settlement settlement = admit(key)->settle({.cache_miss_tokens = 100});
  EXPECT_EQ(settlement.cost, pico(100 * 280'000));
  EXPECT_EQ(settlement.charged, Money());
  EXPECT_EQ(usage().cost, settlement.cost);
}

TEST_F(AccountsTest, AnAdmissionThatIsDroppedGivesEverythingBack) {
  const Money balance = max_cost(100, 10, {});
  const Key key = make({.name = "a",
                        .limits = {.max_concurrent = 1, .tokens_per_minute = 100},
                        .topped_up = balance})
                      .key;
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(admit(key), nullptr);
  }
  EXPECT_EQ(accounts_.balance(key).available(), balance);
  EXPECT_EQ(usage().requests, 0);
}

TEST_F(AccountsTest, ARequestRefusedForMoneyTakesNoPlaceAndNoTokens) {
  const Key key =
      make({.name = "a", .limits = {.max_concurrent = 1, .tokens_per_minute = 100}}).key;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(refuse(key).reason, Refusal::kNoBalance);
  }
}

TEST_F(AccountsTest, AnAdmissionEndsOnce) {
  const Key key = make({.name = "a", .topped_up = Money::parse_usd("1")}).key;
  const auto admission = admit(key);
  const Settlement settlement = admission->settle({.completion_tokens = 1});
  EXPECT_THROW((void)admission->settle({.completion_tokens = 1}), base::Error);
  admission->release();
  EXPECT_EQ(accounts_.balance(key).available(), Money::parse_usd("1") - settlement.charged);
}

TEST_F(AccountsTest, AChargeThatTheDiskRefusesIsMadeBeforeTheNextAdmission) {
  const Key key = make({.name = "a", .topped_up = Money::parse_usd("1")}).key;
  auto admission = admit(key);
  const serve::accounts::TokenUsage used{.cache_miss_tokens = 100, .completion_tokens = 1};
  {
    const FileSizeLimit limit(0);
    EXPECT_THROW((void)admission->settle(used), base::Error);
    admission.reset();
    EXPECT_THROW((void)accounts_.admit(key, 1, 1), base::Error);
    EXPECT_EQ(usage().requests, 0);
  }
  admit(key)->release();
  EXPECT_EQ(usage().requests, 1);
  EXPECT_EQ(accounts_.balance(key).available(),
            Money::parse_usd("1") - serve::accounts::cost(used, {}));
  expect_books_balance(path());
}

TEST_F(AccountsTest, AChargeWithoutMemoryIsMadeBeforeTheNextAdmission) {
  const Key key = make({.name = "a", .topped_up = Money::parse_usd("1")}).key;
  auto admission = admit(key);
  const int64_t no_limit = sqlite3_hard_heap_limit64(1);
  EXPECT_THROW((void)admission->settle({.completion_tokens = 1}), base::Error);
  sqlite3_hard_heap_limit64(no_limit);
  EXPECT_EQ(usage().requests, 0);
  admit(key)->release();
  EXPECT_EQ(usage().requests, 1);
  expect_books_balance(path());
}

TEST_F(AccountsTest, AChargeThatWasMadeAfterAllHoldsNobodyUp) {
  const Key key = make({.name = "a", .topped_up = Money::parse_usd("1")}).key;
  const auto admission = admit(key);
  {
    const FileSizeLimit limit(0);
    EXPECT_THROW((void)admission->settle({.completion_tokens = 1}), base::Error);
  }
  Database database = open();
  database.execute("DELETE FROM reservations");
  EXPECT_NE(admit(key), nullptr);
  EXPECT_EQ(accounts_.balance(key).available(), Money::parse_usd("1"));
}

TEST_F(AccountsTest, EveryAnswerOfARequestTakesAPlace) {
  const Key key = make({.name = "a", .is_metered = false, .limits = {.max_concurrent = 4}}).key;
  {
    auto three = accounts_.admit(key, 10, 10, 3);
    ASSERT_TRUE(std::holds_alternative<std::unique_ptr<Admission>>(three));
    EXPECT_TRUE(std::holds_alternative<Refused>(accounts_.admit(key, 10, 10, 2)));
    EXPECT_NE(admit(key), nullptr);
  }
  const auto five = accounts_.admit(key, 10, 10, 5);
  EXPECT_EQ(std::get<Refused>(five).reason, Refusal::kTooManyAnswers) << "waiting does not help";
  EXPECT_THAT(std::get<Refused>(five).message,
              HasSubstr("may run 4 at once, and this request asks for 5 answers"));
  EXPECT_TRUE(std::holds_alternative<std::unique_ptr<Admission>>(accounts_.admit(key, 1, 1, 4)));
}

TEST_F(AccountsTest, LimitsSayWhenToTryAgain) {
  const Key key = make({.name = "a",
                        .is_metered = false,
                        .limits = {.max_concurrent = 1, .tokens_per_minute = 120}})
                      .key;
  auto admission = admit(key, 100);
  const Refused at_once = refuse(key, 1);
  EXPECT_EQ(at_once.reason, Refusal::kTooManyRequests);
  EXPECT_GE(at_once.retry_after_s, 1);
  admission->settle({.cache_miss_tokens = 100, .completion_tokens = 20});
  const Refused rate = refuse(key, 10);
  EXPECT_EQ(rate.reason, Refusal::kTooManyTokens);
  EXPECT_EQ(rate.retry_after_s, 5);
  steady_s_ += 5;
  EXPECT_NE(admit(key, 10), nullptr);
}

TEST_F(AccountsTest, MessagesNameNoSecret) {
  const CreatedKey made = make({.name = "a"});
  EXPECT_THAT(refuse(made.key).message, Not(HasSubstr("sk-")));
  const auto result = accounts_.authenticate("Bearer sk-levin-guess");
  EXPECT_THAT(std::get<Refused>(result).message, Not(HasSubstr("guess")));
}

TEST_F(AccountsTest, ManyThreadsNeverOverdraw) {
  constexpr int64_t kAffordable = 10;
  const Money balance = max_cost(100, 10, {}) * kAffordable;
  const Key key = make({.name = "a", .topped_up = balance}).key;
  std::mutex mutex;
  std::vector<std::unique_ptr<Admission>> admitted;
  std::atomic<int64_t> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int request = 0; request < 4; ++request) {
        auto result = accounts_.admit(key, 100, 10);
        if (auto* admission = std::get_if<std::unique_ptr<Admission>>(&result)) {
          const std::lock_guard lock(mutex);
          admitted.push_back(std::move(*admission));
        } else {
          ++refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(admitted.size(), static_cast<size_t>(kAffordable));
  EXPECT_EQ(refused, 32 - kAffordable);
  EXPECT_EQ(accounts_.balance(key).available(), Money());
  for (const auto& admission : admitted) {
    admission->settle({.cache_miss_tokens = 100, .completion_tokens = 10});
  }
  EXPECT_EQ(accounts_.balance(key).total(), Money());
  expect_books_balance(path());
}

TEST_F(AccountsTest, ThreadsThatAdmitSettleAndAskKeepTheBooksBalanced) {
  const CreatedKey made = make({.name = "a", .topped_up = Money::parse_usd("1")});
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      for (int request = 0; request < 10; ++request) {
        EXPECT_TRUE(std::holds_alternative<Key>(accounts_.authenticate("Bearer " + made.secret)));
        const auto admission = admit(made.key);
        if ((i + request) % 3 != 0) {
          admission->settle({.cache_miss_tokens = 100, .completion_tokens = 1});
        }
        EXPECT_GE(accounts_.balance(made.key).available(), Money());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(usage().requests, 40);
  EXPECT_EQ(accounts_.balance(made.key).reserved, Money());
  expect_books_balance(path());
}

}  // namespace
}  // namespace levin::testing
