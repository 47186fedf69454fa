#include "serve/accounts/ledger.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"
#include "serve/accounts/usage.h"

namespace levin::serve::accounts {
namespace {

/// Number of this opening, locked before anybody else can see it.
int64_t register_server(Database& database, ProcessLock& lock, int64_t unix_s) {
  database.prepare("INSERT INTO servers (started_unix_s) VALUES (?)").bind(unix_s).run();
  const int64_t server_id = database.last_insert_id();
  lock.acquire(server_id);
  return server_id;
}

void forget_ended_servers(Database& database, const ProcessLock& lock, int64_t own_id) {
  std::vector<int64_t> ended;
  Statement row = database.prepare("SELECT id FROM servers WHERE id <> ?");
  row.bind(own_id);
  while (row.step()) {
    if (!lock.is_held_elsewhere(row.integer(0))) {
      ended.push_back(row.integer(0));
    }
  }
  for (const int64_t server_id : ended) {
    database.prepare("DELETE FROM reservations WHERE server_id = ?").bind(server_id).run();
    database.prepare("DELETE FROM servers WHERE id = ?").bind(server_id).run();
  }
}

/// Whether commits wait until the disk has them. Without that they outlive the process but perhaps
/// not a power cut, after which reservations are released anyway.
void set_flushing(Database& database, bool flushes) {
  database.execute(flushes ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

/// Takes `amount` from the granted money, and what that lacks from the topped-up money.
void spend(Database& database, int64_t key_id, Money amount) {
  const Balance balance = balance_of(database, key_id);
  const Money from_granted = std::min(balance.granted, amount);
  const Money from_topped_up = amount - from_granted;
  LEVIN_CHECK(from_topped_up <= balance.topped_up);
  database.prepare("UPDATE keys SET granted_picousd = ?, topped_up_picousd = ? WHERE id = ?")
      .bind((balance.granted - from_granted).picousd())
      .bind((balance.topped_up - from_topped_up).picousd())
      .bind(key_id)
      .run();
}

}  // namespace

Ledger::Ledger(const std::string& path, int64_t unix_s)
    : database_(open_accounts_file(path, Access::kWrite)), lock_(path) {
  Transaction transaction(database_);
  server_id_ = register_server(database_, lock_, unix_s);
  forget_ended_servers(database_, lock_, server_id_);
  transaction.commit();
}

std::optional<int64_t> Ledger::reserve(int64_t key_id, Money amount) {
  set_flushing(database_, false);
  Transaction transaction(database_);
  if (balance_of(database_, key_id).available() < amount) {
    return std::nullopt;
  }
  database_.prepare("INSERT INTO reservations (server_id, key_id, amount_picousd) VALUES (?, ?, ?)")
      .bind(server_id_)
      .bind(key_id)
      .bind(amount.picousd())
      .run();
  const int64_t reservation_id = database_.last_insert_id();
  transaction.commit();
  return reservation_id;
}

Money Ledger::settle(int64_t key_id, std::optional<int64_t> reservation_id, const TokenUsage& usage,
                     Money cost, int64_t unix_s) {
  set_flushing(database_, true);
  Transaction transaction(database_);
  Money charged;
  if (reservation_id.has_value()) {
    charged = std::min(cost, take_reservation(*reservation_id));
    spend(database_, key_id, charged);
  }
  count_usage(database_, key_id, day_of(unix_s),
              {.requests = 1, .tokens = usage, .cost = cost, .charged = charged});
  transaction.commit();
  return charged;
}

void Ledger::release(int64_t reservation_id) {
  set_flushing(database_, false);
  Transaction transaction(database_);
  (void)take_reservation(reservation_id);
  transaction.commit();
}

Money Ledger::take_reservation(int64_t reservation_id) {
  Statement row =
      database_.prepare("SELECT amount_picousd FROM reservations WHERE id = ? AND server_id = ?");
  if (!row.bind(reservation_id).bind(server_id_).step()) {
    base::throw_error(base::ErrorCode::kInternal, database_.path(),
                      "reservation {} is not open: it was settled or released before",
                      reservation_id);
  }
  const Money amount = Money::from_picousd(row.integer(0));
  database_.prepare("DELETE FROM reservations WHERE id = ?").bind(reservation_id).run();
  return amount;
}

}  // namespace levin::serve::accounts
