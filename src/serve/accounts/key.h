// An API key as the service knows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serve/accounts/money.h"

namespace levin::serve::accounts {

/// What a key may use at a time. 0: no limit.
struct Limits {
  int64_t max_concurrent = 0;     ///< requests that run at once
  int64_t tokens_per_minute = 0;  ///< prompt (cached or not) and completion together
};

/// An API key without its secret, which only its holder has.
struct Key {
  int64_t id = 0;
  std::string name;   ///< unique; what the commands call it
  std::string owner;  ///< keys of one owner share cached prefixes
  std::string hint;   ///< the first letters of the secret, to tell keys apart
  int64_t created_unix_s = 0;
  std::optional<int64_t> revoked_unix_s;
  bool is_metered = true;  ///< false: uses are counted and nothing is charged
  Limits limits;
  /// For runtime::Request::prefix_salt: derived from a random secret of the owner, never 0, so
  /// that owners neither share prefixes with each other nor with requests without a key.
  uint64_t prefix_salt = 0;
};

/// Money of a key. Granted money is spent before topped-up money.
struct Balance {
  Money granted;
  Money topped_up;
  Money reserved;  ///< of the total, held for requests that run

  [[nodiscard]] Money total() const { return granted + topped_up; }
  /// What new requests may still reserve.
  [[nodiscard]] Money available() const { return total() - reserved; }
};

}  // namespace levin::serve::accounts
