// Who asks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "serve/accounts/accounts.h"
#include "serve/accounts/fixed_keys.h"
#include "serve/http/exchange.h"

namespace levin::serve::api {

struct Caller {
  std::optional<accounts::Key> key;  ///< nothing: the server has no accounts
  uint64_t prefix_salt = 0;          ///< whose cached prefixes may be used
};

/// By the keys of the accounts; `accounts` null: by the fixed keys, and without any everybody is
/// welcome. Throws ApiError 401.
[[nodiscard]] Caller authenticate(const accounts::Accounts* accounts,
                                  const accounts::FixedKeys& keys, const http::Request& request);

/// Refuses a caller that may not start even the smallest request; takes and charges nothing. Throws
/// ApiError 402 or 429.
void check_limits(const accounts::Accounts* accounts, const Caller& caller);

/// Money and places for one request of so many answers; null without accounts. Throws ApiError 402
/// or 429.
[[nodiscard]] std::unique_ptr<accounts::Admission> admit(accounts::Accounts* accounts,
                                                         const Caller& caller,
                                                         int64_t prompt_tokens,
                                                         int64_t max_completion_tokens,
                                                         int64_t answers);

}  // namespace levin::serve::api
