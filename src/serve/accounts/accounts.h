// Keys, limits and money of the service, as the API handlers use them: authenticate, admit, settle.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "serve/accounts/key.h"
#include "serve/accounts/money.h"
#include "serve/accounts/prices.h"

namespace levin::serve::accounts {

/// Why a request is refused, and the HTTP status that this stands for.
enum class Refusal {
  kNoKey,            ///< 401: no Authorization header, or none of the form "Bearer KEY"
  kUnknownKey,       ///< 401
  kRevokedKey,       ///< 401
  kNoBalance,        ///< 402: less available than the request may cost
  kTooManyRequests,  ///< 429: limits.max_concurrent answers run, or would with this request
  kTooManyAnswers,   ///< 422: more in one request than limits.max_concurrent
  kTooManyTokens,    ///< 429: limits.tokens_per_minute are used up
};

/// A refusal with what the client is told.
struct Refused {
  Refusal reason = Refusal::kNoKey;
  std::string message = {};   ///< one sentence; names no secret
  int64_t retry_after_s = 0;  ///< for the Retry-After header; above 0 with the two 429 alone
};

/// What a settled request cost.
struct Settlement {
  Money cost;     ///< by the price table
  Money charged;  ///< taken from the balance: the cost; 0 of a key that is not metered
};

class Accounts;

/// The right of one request to run: it holds places among the key's concurrent answers and the
/// money that the request may cost. Ends by settle, by release or with the object, which releases.
/// Must not outlive the Accounts it came from. One thread at a time.
class Admission {
 public:
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  /// Charges what was used, counts it, and gives back the rest of the reservation, in one durable
  /// transaction. Call it before the client sees the end of the answer, and also for a request
  /// that was cut short, with the tokens computed so far. Never charges more than was reserved.
  /// Throws Error(kIo) if the disk refuses, Error(kOutOfMemory) or std::bad_alloc without memory:
  /// the admission has ended then, its reservation stays, and the charge is made before the next
  /// admission of a metered key. Throws Error(kInternal) if the admission has ended before.
  Settlement settle(const TokenUsage& usage);

  /// Gives everything back: for a request that was refused or that the server failed. Failures are
  /// logged; the money is then held until the next start of the service.
  void release() noexcept;

 private:
  friend class Accounts;
  Admission() = default;

  Accounts* accounts_ = nullptr;
  Key key_;
  std::optional<int64_t> reservation_id_;  ///< none: the key is not metered
  int64_t prompt_tokens_ = 0;
  int64_t answers_ = 1;  ///< places among the key's concurrent ones
  bool is_open_ = false;
};

struct AccountsOptions {
  std::string path;  ///< the accounts file; see accounts/path.h
  Prices prices = {};
  /// Seconds since 1970; empty: the system's clock.
  std::function<int64_t()> unix_time_s = {};
  /// Seconds of a clock that never goes back, for rates; empty: the system's.
  std::function<double()> steady_time_s = {};
};

/// The open accounts file with the limits of its keys. Every function may be called from any
/// thread; settle waits for a flush of the disk and the others may wait for it, so keep them off
/// threads that serve sockets. Several processes may use one file: money is safe across them,
/// limits count per process. Changes by `levin keys` hold for the next request.
class Accounts {
 public:
  /// Opens an existing file and releases the reservations of processes that have ended. Throws
  /// Error(kNotFound), Error(kInvalidFile), Error(kUnsupported) for a newer schema, Error(kIo).
  explicit Accounts(AccountsOptions options);
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  /// `authorization` is the value of the header of that name; empty if there was none.
  [[nodiscard]] std::variant<Key, Refused> authenticate(std::string_view authorization) const;

  /// Why even the smallest request would be refused now; nothing if it would not. Takes and charges
  /// nothing: a caller may know before its request is read.
  [[nodiscard]] std::optional<Refused> ask(const Key& key) const;

  /// Takes a place among the key's concurrent answers for each of `answers`, tokens of its rate and
  /// the most that the request may cost. `prompt_tokens` counts the whole prompt (all of them, if
  /// there are several). Throws Error(kIo) if the disk refuses this or a charge of before.
  [[nodiscard]] std::variant<std::unique_ptr<Admission>, Refused> admit(
      const Key& key, int64_t prompt_tokens, int64_t max_completion_tokens, int64_t answers = 1);

  /// Throws Error(kNotFound) for a key that is not in the file.
  [[nodiscard]] Balance balance(const Key& key) const;

 private:
  friend class Admission;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::serve::accounts
