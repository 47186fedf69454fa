// The ledger: reservations, charges, and books that always balance.
#include "serve/accounts/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "serve/accounts/books.h"

namespace levin::testing {
namespace {

using base::Error;
using serve::accounts::Balance;
using serve::accounts::Credit;
using serve::accounts::Database;
using serve::accounts::Ledger;
using serve::accounts::Money;
using serve::accounts::TokenUsage;

constexpr TokenUsage kUsage = {
    .cache_hit_tokens = 64, .cache_miss_tokens = 6, .completion_tokens = 3};

class LedgerTest : public AccountsFileTest {
 protected:
  Ledger ledger_{path(), 0};
};

TEST_F(LedgerTest, WhatIsReservedIsNotAvailableAndNotSpent) {
  const int64_t key_id = create("a", pico(100)).key.id;
  ASSERT_TRUE(ledger_.reserve(key_id, pico(60)).has_value());
  EXPECT_EQ(balance("a").total(), pico(100));
  EXPECT_EQ(balance("a").reserved, pico(60));
  EXPECT_EQ(balance("a").available(), pico(40));
}

TEST_F(LedgerTest, MoreThanIsAvailableIsRefused) {
  const int64_t key_id = create("a", pico(100)).key.id;
  EXPECT_FALSE(ledger_.reserve(key_id, pico(101)).has_value());
  EXPECT_TRUE(ledger_.reserve(key_id, pico(60)).has_value());
  EXPECT_FALSE(ledger_.reserve(key_id, pico(41)).has_value());
  EXPECT_TRUE(ledger_.reserve(key_id, pico(40)).has_value());
  EXPECT_FALSE(ledger_.reserve(key_id, pico(1)).has_value());
}

TEST_F(LedgerTest, SettlingChargesTheCostAndGivesBackTheRest) {
  const int64_t key_id = create("a", pico(100)).key.id;
  const auto reservation = ledger_.reserve(key_id, pico(60));
  EXPECT_EQ(ledger_.settle(key_id, reservation, kUsage, pico(45), 0), pico(45));
  EXPECT_EQ(balance("a").available(), pico(55));
  EXPECT_EQ(usage().requests, 1);
  EXPECT_EQ(usage().tokens.cache_hit_tokens, 64);
  EXPECT_EQ(usage().tokens.cache_miss_tokens, 6);
  EXPECT_EQ(usage().tokens.completion_tokens, 3);
  EXPECT_EQ(usage().cost, pico(45));
  EXPECT_EQ(usage().charged, pico(45));
  expect_books_balance(path());
}

TEST_F(LedgerTest, NoMoreIsChargedThanWasReserved) {
  const int64_t key_id = create("a", pico(100)).key.id;
  const auto reservation = ledger_.reserve(key_id, pico(60));
  EXPECT_EQ(ledger_.settle(key_id, reservation, kUsage, pico(61), 0), pico(60));
  EXPECT_EQ(usage().cost, pico(61));
  EXPECT_EQ(usage().charged, pico(60));
  expect_books_balance(path());
}

TEST_F(LedgerTest, GrantedMoneyIsSpentFirst) {
  Database database = open();
  const int64_t key_id =
      create_key(database, {.name = "a", .granted = pico(10), .topped_up = pico(100)}, 0).key.id;
  (void)ledger_.settle(key_id, ledger_.reserve(key_id, pico(4)), kUsage, pico(4), 0);
  EXPECT_EQ(balance("a").granted, pico(6));
  EXPECT_EQ(balance("a").topped_up, pico(100));
  (void)ledger_.settle(key_id, ledger_.reserve(key_id, pico(8)), kUsage, pico(8), 0);
  EXPECT_EQ(balance("a").granted, pico(0));
  EXPECT_EQ(balance("a").topped_up, pico(98));
  expect_books_balance(path());
}

TEST_F(LedgerTest, AReservationEndsOnce) {
  const int64_t key_id = create("a", pico(100)).key.id;
  const auto settled = ledger_.reserve(key_id, pico(10));
  (void)ledger_.settle(key_id, settled, kUsage, pico(10), 0);
  EXPECT_THROW((void)ledger_.settle(key_id, settled, kUsage, pico(10), 0), Error);
  EXPECT_THROW(ledger_.release(*settled), Error);
  const auto released = ledger_.reserve(key_id, pico(10));
  ledger_.release(*released);
  EXPECT_THROW((void)ledger_.settle(key_id, released, kUsage, pico(10), 0), Error);
  EXPECT_EQ(balance("a").available(), pico(90));
  EXPECT_EQ(usage().requests, 1);
}

TEST_F(LedgerTest, WithoutAReservationUseIsCountedAndNothingCharged) {
  Database database = open();
  const int64_t key_id = create_key(database, {.name = "a", .is_metered = false}, 0).key.id;
  EXPECT_EQ(ledger_.settle(key_id, std::nullopt, kUsage, pico(45), 0), pico(0));
  EXPECT_EQ(usage().cost, pico(45));
  EXPECT_EQ(usage().charged, pico(0));
  expect_books_balance(path());
}

TEST_F(LedgerTest, ALivingLedgersReservationsSurviveTheOpeningOfAnother) {
  const int64_t key_id = create("a", pico(100)).key.id;
  const auto reservation = ledger_.reserve(key_id, pico(60));
  Ledger other(path(), 0);
  EXPECT_EQ(balance("a").reserved, pico(60));
  EXPECT_FALSE(other.reserve(key_id, pico(41)).has_value());
  EXPECT_THROW(other.release(*reservation), Error);  // it is not its own
  ledger_.release(*reservation);
}

TEST_F(LedgerTest, AnEndedLedgersReservationsAreReleasedByTheNext) {
  const int64_t key_id = create("a", pico(100)).key.id;
  {
    Ledger ending(path(), 0);
    ASSERT_TRUE(ending.reserve(key_id, pico(60)).has_value());
  }
  EXPECT_EQ(balance("a").reserved, pico(60));
  const Ledger next(path(), 0);
  EXPECT_EQ(balance("a").reserved, pico(0));
  EXPECT_EQ(balance("a").total(), pico(100));
}

/// What the file must say, kept in memory by the simplest means.
struct Model {
  int64_t granted = 0;
  int64_t topped_up = 0;
  int64_t charged = 0;
  int64_t requests = 0;
  std::map<int64_t, int64_t> reservations = {};  ///< amounts by number

  [[nodiscard]] int64_t available() const {
    int64_t sum = granted + topped_up;
    for (const auto& [id, amount] : reservations) {
      sum -= amount;
    }
    return sum;
  }
  void charge(int64_t amount) {
    const int64_t from_granted = std::min(granted, amount);
    granted -= from_granted;
    topped_up -= amount - from_granted;
    charged += amount;
    ++requests;
  }
};

/// Random operations on one key, on the file and on the model alike.
class RandomSequence : public AccountsFileTest, public ::testing::WithParamInterface<uint64_t> {
 protected:
  int64_t draw(int64_t end) {
    return static_cast<int64_t>(base::random_bits(GetParam(), ++draws_) %
                                static_cast<uint64_t>(end));
  }

  void reserve() {
    const int64_t amount = draw(50);
    const auto reservation = ledger_->reserve(key_id_, pico(amount));
    ASSERT_EQ(reservation.has_value(), amount <= model_.available());
    if (reservation.has_value()) {
      model_.reservations[*reservation] = amount;
    }
  }

  void end_one() {
    if (model_.reservations.empty()) {
      return;
    }
    const auto entry = std::next(model_.reservations.begin(),
                                 draw(static_cast<int64_t>(model_.reservations.size())));
    if (draw(3) == 0) {
      ledger_->release(entry->first);
    } else {
      const int64_t cost = draw(60);  // sometimes more than was reserved
      (void)ledger_->settle(key_id_, entry->first, kUsage, pico(cost), draw(3) * 86'400);
      model_.charge(std::min(cost, entry->second));
    }
    model_.reservations.erase(entry);
  }

  void credit() {
    const int64_t amount = 1 + draw(30);
    const bool is_granted = draw(2) == 0;
    Database database = open();
    (void)add_credit(database, "a", is_granted ? Credit::kGranted : Credit::kToppedUp, pico(amount),
                     0);
    (is_granted ? model_.granted : model_.topped_up) += amount;
  }

  void restart() {
    ledger_.reset();
    ledger_ = std::make_unique<Ledger>(path(), 0);
    model_.reservations.clear();
  }

  void expect_file_is_as_model() {
    const Balance now = balance("a");
    EXPECT_EQ(now.granted, pico(model_.granted));
    EXPECT_EQ(now.topped_up, pico(model_.topped_up));
    EXPECT_EQ(now.available(), pico(model_.available()));
    EXPECT_EQ(usage().charged, pico(model_.charged));
    EXPECT_EQ(usage().requests, model_.requests);
    expect_books_balance(path());
  }

  int64_t key_id_ = create("a", pico(1)).key.id;
  std::unique_ptr<Ledger> ledger_ = std::make_unique<Ledger>(path(), 0);
  Model model_ = {.topped_up = 1};
  uint64_t draws_ = 0;
};

TEST_P(RandomSequence, KeepsTheBooksBalanced) {
  for (int step = 0; step < 60; ++step) {
    const int64_t choice = draw(20);
    choice < 8 ? reserve() : choice < 15 ? end_one() : choice < 19 ? credit() : restart();
    expect_file_is_as_model();
    ASSERT_FALSE(HasFailure()) << "seed " << GetParam() << ", step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomSequence, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace levin::testing
