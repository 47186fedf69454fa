#include "serve/accounts/accounts.h"

#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "serve/accounts/accounts_file.h"
#include "serve/accounts/key_store.h"
#include "serve/accounts/ledger.h"
#include "serve/accounts/rate_limits.h"
#include "serve/accounts/secrets.h"

namespace levin::serve::accounts {
namespace {

/// Longer secrets are nobody's, and are not worth hashing.
constexpr size_t kMaxSecretBytes = 256;

double system_steady_time_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Whether a charge that failed so is not to be tried again: its reservation is not open, so that
/// it was made after all, whatever the disk said then, or the ledger never takes it.
bool is_final(const std::exception& error) {
  const auto* known = dynamic_cast<const base::Error*>(&error);
  return known != nullptr && known->code() == base::ErrorCode::kInternal;
}

Refused refused_by_limits(const Key& key, int64_t answers, const RateLimits::Verdict& verdict) {
  if (verdict.answer == RateLimits::Answer::kTooManyRequests &&
      answers > key.limits.max_concurrent) {
    return {.reason = Refusal::kTooManyAnswers,
            .message = fmt::format("this key may run {} at once, and this request asks for {} "
                                   "answers; send fewer prompts in one",
                                   key.limits.max_concurrent, answers)};
  }
  if (verdict.answer == RateLimits::Answer::kTooManyRequests) {
    return {.reason = Refusal::kTooManyRequests,
            .message =
                fmt::format("this key may run {} request{} at once; wait for one to end",
                            key.limits.max_concurrent, key.limits.max_concurrent == 1 ? "" : "s"),
            .retry_after_s = verdict.retry_after_s};
  }
  return {.reason = Refusal::kTooManyTokens,
          .message = fmt::format("this key may use {} tokens a minute; try again in {} s",
                                 key.limits.tokens_per_minute, verdict.retry_after_s),
          .retry_after_s = verdict.retry_after_s};
}

Refused refused_without_money(Money available) {
  return {.reason = Refusal::kNoBalance,
          .message = fmt::format("the balance is used up: {} USD are available, less than the "
                                 "smallest request may cost; top up",
                                 available.to_usd())};
}

Refused refused_for_money(Money needed, Money available) {
  return {.reason = Refusal::kNoBalance,
          .message = fmt::format("the balance does not cover this request: it may cost {} USD and "
                                 "{} USD are available; top up, or lower max_tokens",
                                 needed.to_usd(), available.to_usd())};
}

}  // namespace

/// What a request has to pay.
struct Charge {
  int64_t key_id = 0;
  std::optional<int64_t> reservation_id;
  TokenUsage usage;
  Money cost;
  int64_t unix_s = 0;
};

struct Accounts::State {
  explicit State(AccountsOptions given)
      : options(std::move(given)),
        ledger(options.path, options.unix_time_s()),
        reader(open_accounts_file(options.path, Access::kRead)) {}

  Money settle(const Charge& charge);
  void settle_pending();

  AccountsOptions options;
  RateLimits limits;
  std::mutex ledger_mutex;
  Ledger ledger;
  std::vector<Charge> pending;  ///< disk or memory refused them; under ledger_mutex
  std::mutex reader_mutex;
  Database reader;  ///< apart from the ledger, so that reading does not wait for its flushes
};

/// Under ledger_mutex. Throws as Ledger::settle.
Money Accounts::State::settle(const Charge& charge) {
  return ledger.settle(charge.key_id, charge.reservation_id, charge.usage, charge.cost,
                       charge.unix_s);
}

/// Under ledger_mutex. Throws if what refused a charge still does.
void Accounts::State::settle_pending() {
  while (!pending.empty()) {
    try {
      (void)settle(pending.back());
    } catch (const std::exception& error) {
      if (!is_final(error)) {
        throw;
      }
      base::log_warning("a charge that had been refused was not repeated: {}", error.what());
    }
    pending.pop_back();
  }
}

Accounts::Accounts(AccountsOptions options) {
  if (!options.unix_time_s) {
    options.unix_time_s = base::unix_time_s;
  }
  if (!options.steady_time_s) {
    options.steady_time_s = system_steady_time_s;
  }
  state_ = std::make_unique<State>(std::move(options));
}

Accounts::~Accounts() {
  try {
    const std::lock_guard lock(state_->ledger_mutex);
    state_->settle_pending();
  } catch (const std::exception& error) {
    base::log_line(base::LogLevel::kError,
                   fmt::format("{} charges were refused by the disk and are lost: {}",
                               state_->pending.size(), error.what()));
  }
}

std::variant<Key, Refused> Accounts::authenticate(std::string_view authorization) const {
  const std::string_view secret = bearer_secret(authorization);
  if (secret.empty()) {
    return Refused{.reason = Refusal::kNoKey,
                   .message = "a key is required: send the header \"Authorization: Bearer KEY\""};
  }
  std::optional<Key> key;
  if (secret.size() <= kMaxSecretBytes) {
    const std::lock_guard lock(state_->reader_mutex);
    key = find_key_by_secret(state_->reader, secret);
  }
  if (!key.has_value()) {
    return Refused{.reason = Refusal::kUnknownKey, .message = "nobody has this key here"};
  }
  if (key->revoked_unix_s.has_value()) {
    return Refused{.reason = Refusal::kRevokedKey, .message = "this key was revoked"};
  }
  return *std::move(key);
}

std::optional<Refused> Accounts::ask(const Key& key) const {
  const RateLimits::Verdict verdict = state_->limits.ask(key, state_->options.steady_time_s());
  if (verdict.answer != RateLimits::Answer::kAdmitted) {
    return refused_by_limits(key, 1, verdict);
  }
  if (key.is_metered) {
    const Money available = balance(key).available();
    if (available < max_cost(1, 1, state_->options.prices)) {
      return refused_without_money(available);
    }
  }
  return std::nullopt;
}

std::variant<std::unique_ptr<Admission>, Refused> Accounts::admit(const Key& key,
                                                                  int64_t prompt_tokens,
                                                                  int64_t max_completion_tokens,
                                                                  int64_t answers) {
  const Money needed = max_cost(prompt_tokens, max_completion_tokens, state_->options.prices);
  const RateLimits::Verdict verdict =
      state_->limits.acquire(key, prompt_tokens, state_->options.steady_time_s(), answers);
  if (verdict.answer != RateLimits::Answer::kAdmitted) {
    return refused_by_limits(key, answers, verdict);
  }
  // From here on its destructor gives back what was taken.
  std::unique_ptr<Admission> admission(new Admission);
  admission->accounts_ = this;
  admission->key_ = key;
  admission->prompt_tokens_ = prompt_tokens;
  admission->answers_ = answers;
  admission->is_open_ = true;
  if (key.is_metered) {
    std::optional<int64_t> reservation_id;
    {
      const std::lock_guard lock(state_->ledger_mutex);
      state_->settle_pending();
      reservation_id = state_->ledger.reserve(key.id, needed);
    }
    if (!reservation_id.has_value()) {
      return refused_for_money(needed, balance(key).available());
    }
    admission->reservation_id_ = *reservation_id;
  }
  return admission;
}

Balance Accounts::balance(const Key& key) const {
  const std::lock_guard lock(state_->reader_mutex);
  return balance_of(state_->reader, key.id);
}

Admission::~Admission() { release(); }

Settlement Admission::settle(const TokenUsage& usage) {
  if (!is_open_) {
    throw base::Error(base::ErrorCode::kInternal, "a request was settled twice", key_.name);
  }
  Accounts::State& state = *accounts_->state_;
  Settlement settlement;
  settlement.cost = cost(usage, state.options.prices);
  is_open_ = false;
  state.limits.release(key_, usage.completion_tokens, state.options.steady_time_s(), answers_);
  const Charge charge{.key_id = key_.id,
                      .reservation_id = reservation_id_,
                      .usage = usage,
                      .cost = settlement.cost,
                      .unix_s = state.options.unix_time_s()};
  {
    const std::lock_guard lock(state.ledger_mutex);
    state.pending.reserve(state.pending.size() + 1);
    try {
      settlement.charged = state.settle(charge);
    } catch (const std::exception& error) {
      if (!is_final(error)) {
        state.pending.push_back(charge);
      }
      throw;
    }
  }
  if (key_.is_metered && settlement.charged < settlement.cost) {
    base::log_warning("{}: a request cost {} USD, more than the {} USD reserved for it", key_.name,
                      settlement.cost.to_usd(), settlement.charged.to_usd());
  }
  return settlement;
}

void Admission::release() noexcept {
  if (!is_open_) {
    return;
  }
  is_open_ = false;
  Accounts::State& state = *accounts_->state_;
  try {
    state.limits.release(key_, -prompt_tokens_, state.options.steady_time_s(), answers_);
    if (reservation_id_.has_value()) {
      const std::lock_guard lock(state.ledger_mutex);
      state.ledger.release(*reservation_id_);
    }
  } catch (const std::exception& error) {
    base::log_warning("{}: money stays reserved until the next start: {}", key_.name, error.what());
  }
}

}  // namespace levin::serve::accounts
