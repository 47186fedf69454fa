#include "serve/accounts/key_store.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "serve/accounts/secrets.h"

namespace levin::serve::accounts {
namespace {

constexpr size_t kMaxNameBytes = 64;

constexpr const char* kSelectKey =
    "SELECT keys.id, keys.name, owners.name, hint, created_unix_s, revoked_unix_s, is_metered, "
    "max_concurrent, tokens_per_minute, owners.secret, hash "
    "FROM keys JOIN owners ON owners.id = keys.owner_id ";
constexpr int kHashColumn = 10;

Key read_key(const Statement& row) {
  Key key;
  key.id = row.integer(0);
  key.name = row.text(1);
  key.owner = row.text(2);
  key.hint = row.text(3);
  key.created_unix_s = row.integer(4);
  key.revoked_unix_s = row.optional_integer(5);
  key.is_metered = row.integer(6) != 0;
  key.limits = {.max_concurrent = row.integer(7), .tokens_per_minute = row.integer(8)};
  OwnerSecret secret{};
  row.blob(9, secret);
  key.prefix_salt = prefix_salt_of(secret);
  return key;
}

bool is_name_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') ||
         std::string_view("._@-").find(letter) != std::string_view::npos;
}

void require_name(std::string_view name, const char* what) {
  if (name.empty() || name.size() > kMaxNameBytes || name.front() == '-' ||
      !std::all_of(name.begin(), name.end(), is_name_letter)) {
    base::throw_error(base::ErrorCode::kInvalidArgument, what,
                      "\"{}\" is no name; use 1 to {} letters, digits and . _ @ -, not beginning "
                      "with -",
                      name.substr(0, kMaxNameBytes), kMaxNameBytes);
  }
}

void require_usable(const NewKey& wanted) {
  require_name(wanted.name, "name");
  if (!wanted.owner.empty()) {
    require_name(wanted.owner, "owner");
  }
  if (wanted.limits.max_concurrent < 0 || wanted.limits.tokens_per_minute < 0) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "limits count from 0 (no limit) up",
                      wanted.name);
  }
  if (wanted.granted < Money() || wanted.topped_up < Money()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "a first balance cannot be negative",
                      wanted.name);
  }
  if (!wanted.is_metered && wanted.granted + wanted.topped_up != Money()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "a key that is not metered needs no money",
                      wanted.name);
  }
}

std::optional<Key> find_key_by_name(Database& database, std::string_view name) {
  Statement row = database.prepare(std::string(kSelectKey) + "WHERE keys.name = ?");
  if (!row.bind(name).step()) {
    return std::nullopt;
  }
  return read_key(row);
}

int64_t find_or_make_owner(Database& database, std::string_view name) {
  Statement row = database.prepare("SELECT id FROM owners WHERE name = ?");
  if (row.bind(name).step()) {
    return row.integer(0);
  }
  database.prepare("INSERT INTO owners (name, secret) VALUES (?, ?)")
      .bind(name)
      .bind(std::span<const uint8_t>(generate_owner_secret()))
      .run();
  return database.last_insert_id();
}

void insert_key(Database& database, const NewKey& wanted, std::string_view secret, int64_t unix_s) {
  const int64_t owner_id =
      find_or_make_owner(database, wanted.owner.empty() ? wanted.name : wanted.owner);
  database
      .prepare(
          "INSERT INTO keys (owner_id, name, hash, hint, created_unix_s, is_metered, "
          "max_concurrent, tokens_per_minute) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .bind(owner_id)
      .bind(wanted.name)
      .bind(std::span<const uint8_t>(hash_key(secret)))
      .bind(key_hint(secret))
      .bind(unix_s)
      .bind(static_cast<int64_t>(wanted.is_metered))
      .bind(wanted.limits.max_concurrent)
      .bind(wanted.limits.tokens_per_minute)
      .run();
}

/// Adds to the balance and writes down why. Inside a transaction.
void credit_key(Database& database, int64_t key_id, Credit credit, Money amount, int64_t unix_s) {
  Balance balance = balance_of(database, key_id);
  Money& changed = credit == Credit::kGranted ? balance.granted : balance.topped_up;
  changed = changed + amount;
  (void)balance.total();  // throws beyond the range
  database.prepare("UPDATE keys SET granted_picousd = ?, topped_up_picousd = ? WHERE id = ?")
      .bind(balance.granted.picousd())
      .bind(balance.topped_up.picousd())
      .bind(key_id)
      .run();
  database
      .prepare(
          "INSERT INTO credits (key_id, unix_s, is_granted, amount_picousd) "
          "VALUES (?, ?, ?, ?)")
      .bind(key_id)
      .bind(unix_s)
      .bind(static_cast<int64_t>(credit == Credit::kGranted))
      .bind(amount.picousd())
      .run();
}

}  // namespace

CreatedKey create_key(Database& database, const NewKey& wanted, int64_t unix_s) {
  require_usable(wanted);
  const std::string secret = generate_key();
  Transaction transaction(database);
  if (find_key_by_name(database, wanted.name).has_value()) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "a key of that name was made before; choose another name", wanted.name);
  }
  insert_key(database, wanted, secret, unix_s);
  const int64_t key_id = database.last_insert_id();
  if (wanted.granted > Money()) {
    credit_key(database, key_id, Credit::kGranted, wanted.granted, unix_s);
  }
  if (wanted.topped_up > Money()) {
    credit_key(database, key_id, Credit::kToppedUp, wanted.topped_up, unix_s);
  }
  Key key = get_key(database, wanted.name);
  transaction.commit();
  return {.key = std::move(key), .secret = secret};
}

std::optional<Key> find_key_by_secret(Database& database, std::string_view secret) {
  const KeyHash hash = hash_key(secret);
  // The index finds the row by its hash. How long that takes may depend on the hash, but nobody
  // can steer a hash towards a stored one; the comparison that decides is in constant time.
  Statement row = database.prepare(std::string(kSelectKey) + "WHERE hash = ?");
  if (!row.bind(std::span<const uint8_t>(hash)).step()) {
    return std::nullopt;
  }
  KeyHash stored{};
  row.blob(kHashColumn, stored);
  if (!equal_in_constant_time(hash, stored)) {
    return std::nullopt;
  }
  return read_key(row);
}

Key get_key(Database& database, std::string_view name) {
  std::optional<Key> key = find_key_by_name(database, name);
  if (!key.has_value()) {
    throw base::Error(base::ErrorCode::kNotFound,
                      "there is no key of that name; `levin keys list` shows them",
                      std::string(name));
  }
  return *std::move(key);
}

std::vector<KeyWithBalance> list_keys(Database& database) {
  std::vector<KeyWithBalance> keys;
  Statement row = database.prepare(std::string(kSelectKey) + "ORDER BY keys.id");
  while (row.step()) {
    Key key = read_key(row);
    const Balance balance = balance_of(database, key.id);
    keys.push_back({.key = std::move(key), .balance = balance});
  }
  return keys;
}

Key revoke_key(Database& database, std::string_view name, int64_t unix_s) {
  Transaction transaction(database);
  Key key = get_key(database, name);
  if (key.revoked_unix_s.has_value()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "was revoked before", key.name);
  }
  database.prepare("UPDATE keys SET revoked_unix_s = ? WHERE id = ?")
      .bind(unix_s)
      .bind(key.id)
      .run();
  transaction.commit();
  key.revoked_unix_s = unix_s;
  return key;
}

Balance add_credit(Database& database, std::string_view name, Credit credit, Money amount,
                   int64_t unix_s) {
  Transaction transaction(database);
  const Key key = get_key(database, name);
  if (amount <= Money()) {
    throw base::Error(base::ErrorCode::kInvalidArgument, "the amount must be above zero", key.name);
  }
  if (!key.is_metered || key.revoked_unix_s.has_value()) {
    base::throw_error(base::ErrorCode::kInvalidArgument, key.name, "is {} and needs no money",
                      key.is_metered ? "revoked" : "not metered");
  }
  credit_key(database, key.id, credit, amount, unix_s);
  const Balance balance = balance_of(database, key.id);
  transaction.commit();
  return balance;
}

Balance balance_of(Database& database, int64_t key_id) {
  Statement row = database.prepare(
      "SELECT granted_picousd, topped_up_picousd, (SELECT coalesce(sum(amount_picousd), 0) FROM "
      "reservations WHERE key_id = keys.id) FROM keys WHERE id = ?");
  if (!row.bind(key_id).step()) {
    base::throw_error(base::ErrorCode::kNotFound, database.path(), "has no key number {}", key_id);
  }
  return {.granted = Money::from_picousd(row.integer(0)),
          .topped_up = Money::from_picousd(row.integer(1)),
          .reserved = Money::from_picousd(row.integer(2))};
}

}  // namespace levin::serve::accounts
