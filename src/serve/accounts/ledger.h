// Reservations, charges and counted usage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serve/accounts/database.h"
#include "serve/accounts/money.h"
#include "serve/accounts/prices.h"
#include "serve/accounts/process_lock.h"

namespace levin::serve::accounts {

/// The books as one server writes them. Each function is one transaction, so several ledgers on one
/// file, in one process or many, never overdraw a balance. settle returns when the disk has the
/// charge. A reservation lives as long as its ledger: the next one that opens the file releases
/// those of processes that ended. One thread at a time.
class Ledger {
 public:
  /// Opens the file for writing. Throws as open_accounts_file.
  Ledger(const std::string& path, int64_t unix_s);

  /// Holds `amount` of the key's balance; the reservation's number, or nothing if less than that
  /// is available.
  [[nodiscard]] std::optional<int64_t> reserve(int64_t key_id, Money amount);

  /// Ends a reservation: charges `cost`, but no more than was reserved, granted money first, and
  /// counts the usage. Without a reservation nothing is charged. The amount charged. Throws
  /// Error(kInternal), changing nothing, if this ledger holds no such reservation (it was settled
  /// or released before).
  Money settle(int64_t key_id, std::optional<int64_t> reservation_id, const TokenUsage& usage,
               Money cost, int64_t unix_s);

  /// Ends a reservation without a charge. Throws Error(kInternal) as settle.
  void release(int64_t reservation_id);

 private:
  [[nodiscard]] Money take_reservation(int64_t reservation_id);

  Database database_;
  ProcessLock lock_;
  int64_t server_id_ = 0;
};

}  // namespace levin::serve::accounts
