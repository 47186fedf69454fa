// The keys in the accounts file: made, found, listed, revoked, given money.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/accounts/database.h"
#include "serve/accounts/key.h"

namespace levin::serve::accounts {

struct NewKey {
  std::string name;        ///< unique among all keys ever made in the file
  std::string owner = {};  ///< empty: as the name
  bool is_metered = true;
  Limits limits = {};
  Money granted = {};
  Money topped_up = {};
};

struct CreatedKey {
  Key key;
  std::string secret;  ///< what the holder sends; stored nowhere
};

struct KeyWithBalance {
  Key key;
  Balance balance;
};

enum class Credit { kGranted, kToppedUp };

/// Throws Error(kInvalidArgument) for a name or an owner that is taken, empty, longer than 64 or
/// made of more than letters, digits and . _ @ -, and for negative limits or amounts.
[[nodiscard]] CreatedKey create_key(Database& database, const NewKey& wanted, int64_t unix_s);

/// The key with that secret, revoked or not; none if nobody has it. Compares in constant time.
[[nodiscard]] std::optional<Key> find_key_by_secret(Database& database, std::string_view secret);

/// Throws Error(kNotFound) if no key has that name.
[[nodiscard]] Key get_key(Database& database, std::string_view name);

/// In the order in which they were made.
[[nodiscard]] std::vector<KeyWithBalance> list_keys(Database& database);

/// From now on requests with the key are refused; its money stays. Throws Error(kNotFound), and
/// Error(kInvalidArgument) if it was revoked before.
Key revoke_key(Database& database, std::string_view name, int64_t unix_s);

/// Adds money; the balance after it. Throws Error(kNotFound), and Error(kInvalidArgument) unless
/// `amount` is above zero and the key metered, not revoked and within the range of Money.
Balance add_credit(Database& database, std::string_view name, Credit credit, Money amount,
                   int64_t unix_s);

/// Throws Error(kNotFound) if there is no such key.
[[nodiscard]] Balance balance_of(Database& database, int64_t key_id);

}  // namespace levin::serve::accounts
