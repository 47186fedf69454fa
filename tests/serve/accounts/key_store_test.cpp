// Keys in the file: made, found by their secret, revoked, filled; their owners kept apart.
#include "serve/accounts/key_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "serve/accounts/books.h"

namespace levin::testing {
namespace {

using base::Error;
using serve::accounts::add_credit;
using serve::accounts::Balance;
using serve::accounts::create_key;
using serve::accounts::Credit;
using serve::accounts::Database;
using serve::accounts::find_key_by_secret;
using serve::accounts::get_key;
using serve::accounts::Key;
using serve::accounts::list_keys;
using serve::accounts::Money;
using serve::accounts::NewKey;
using serve::accounts::revoke_key;

class KeyStore : public AccountsFileTest {
 protected:
  Database database_ = open();
};

TEST_F(KeyStore, AKeyIsFoundByItsSecretAlone) {
  const auto created = create_key(database_,
                                  {.name = "laptop",
                                   .owner = "zoe",
                                   .limits = {.max_concurrent = 4, .tokens_per_minute = 900},
                                   .granted = pico(10),
                                   .topped_up = pico(20)},
                                  1'700'000'000);
  const std::optional<Key> found = find_key_by_secret(database_, created.secret);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name, "laptop");
  EXPECT_EQ(found->owner, "zoe");
  EXPECT_EQ(found->created_unix_s, 1'700'000'000);
  EXPECT_FALSE(found->revoked_unix_s.has_value());
  EXPECT_TRUE(found->is_metered);
  EXPECT_EQ(found->limits.max_concurrent, 4);
  EXPECT_EQ(found->limits.tokens_per_minute, 900);
  EXPECT_EQ(found->prefix_salt, created.key.prefix_salt);
  EXPECT_FALSE(find_key_by_secret(database_, created.secret + "x").has_value());
  EXPECT_FALSE(find_key_by_secret(database_, created.key.hint).has_value());
  EXPECT_FALSE(find_key_by_secret(database_, "").has_value());
}

TEST_F(KeyStore, KeysOfOneOwnerShareASaltAndOthersDoNot) {
  const Key first = create_key(database_, {.name = "a", .owner = "zoe"}, 0).key;
  const Key second = create_key(database_, {.name = "b", .owner = "zoe"}, 0).key;
  const Key other = create_key(database_, {.name = "c"}, 0).key;
  EXPECT_EQ(other.owner, "c");
  EXPECT_EQ(first.prefix_salt, second.prefix_salt);
  EXPECT_NE(first.prefix_salt, other.prefix_salt);
  EXPECT_NE(other.prefix_salt, 0U);
}

TEST_F(KeyStore, NamesAreUniqueForever) {
  (void)create_key(database_, {.name = "a"}, 0);
  EXPECT_THROW((void)create_key(database_, {.name = "a"}, 0), Error);
  revoke_key(database_, "a", 1);
  EXPECT_THROW((void)create_key(database_, {.name = "a"}, 0), Error);
  EXPECT_EQ(list_keys(database_).size(), 1U);
}

TEST_F(KeyStore, OtherNamesAreRefused) {
  const std::vector<std::string> bad = {"",     "-a",  "a b", std::string(65, 'a'),
                                        "a\nb", "zoë", "a'b", std::string("a\0b", 3)};
  for (const std::string& name : bad) {
    EXPECT_THROW((void)create_key(database_, {.name = name}, 0), Error) << name;
  }
  EXPECT_THROW((void)create_key(database_, {.name = "a", .owner = "b c"}, 0), Error);
  EXPECT_NO_THROW((void)create_key(database_, {.name = "Zoe.laptop-2@home_1"}, 0));
}

TEST_F(KeyStore, ImpossibleKeysAreRefused) {
  EXPECT_THROW((void)create_key(database_, {.name = "a", .limits = {.max_concurrent = -1}}, 0),
               Error);
  EXPECT_THROW((void)create_key(database_, {.name = "a", .granted = pico(-1)}, 0), Error);
  const NewKey free_with_money = {.name = "a", .is_metered = false, .topped_up = pico(1)};
  EXPECT_THROW((void)create_key(database_, free_with_money, 0), Error);
  EXPECT_TRUE(list_keys(database_).empty());
}

TEST_F(KeyStore, MoneyAddsUpInItsTwoKinds) {
  (void)create_key(database_, {.name = "a", .granted = pico(5), .topped_up = pico(7)}, 0);
  (void)add_credit(database_, "a", Credit::kGranted, pico(10), 0);
  const Balance balance = add_credit(database_, "a", Credit::kToppedUp, pico(100), 0);
  EXPECT_EQ(balance.granted, pico(15));
  EXPECT_EQ(balance.topped_up, pico(107));
  EXPECT_EQ(balance.total(), pico(122));
  expect_books_balance(path());
}

TEST_F(KeyStore, MoneyBeyondTheRangeIsRefusedAndNothingChanges) {
  const Money most = Money::parse_usd("9223372");
  (void)create_key(database_, {.name = "a", .topped_up = most}, 0);
  EXPECT_THROW((void)add_credit(database_, "a", Credit::kToppedUp, most, 0), Error);
  EXPECT_THROW((void)add_credit(database_, "a", Credit::kGranted, most, 0), Error);
  EXPECT_EQ(list_keys(database_).front().balance.total(), most);
  expect_books_balance(path());
}

TEST_F(KeyStore, MoneyIsRefusedWhereItIsOfNoUse) {
  (void)create_key(database_, {.name = "free", .is_metered = false}, 0);
  EXPECT_THROW((void)add_credit(database_, "free", Credit::kToppedUp, pico(1), 0), Error);
  (void)create_key(database_, {.name = "old"}, 0);
  EXPECT_THROW((void)add_credit(database_, "old", Credit::kToppedUp, pico(0), 0), Error);
  revoke_key(database_, "old", 0);
  EXPECT_THROW((void)add_credit(database_, "old", Credit::kToppedUp, pico(1), 0), Error);
  EXPECT_THROW((void)add_credit(database_, "nobody", Credit::kToppedUp, pico(1), 0), Error);
}

TEST_F(KeyStore, ARevokedKeyKeepsItsMoneyAndSaysWhen) {
  (void)create_key(database_, {.name = "a", .topped_up = pico(7)}, 0);
  EXPECT_EQ(revoke_key(database_, "a", 50).revoked_unix_s, 50);
  EXPECT_EQ(get_key(database_, "a").revoked_unix_s, 50);
  EXPECT_EQ(list_keys(database_).front().balance.total(), pico(7));
  EXPECT_THROW((void)revoke_key(database_, "a", 60), Error);
  EXPECT_THROW((void)revoke_key(database_, "b", 60), Error);
}

}  // namespace
}  // namespace levin::testing
