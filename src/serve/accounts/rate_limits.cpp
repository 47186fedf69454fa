#include "serve/accounts/rate_limits.h"

#include <algorithm>
#include <cmath>

namespace levin::serve::accounts {
namespace {

constexpr double kSecondsPerMinute = 60.0;
/// Nobody knows when a running request ends; a second is short for a person, long for a server.
constexpr int64_t kRetryWhenBusyS = 1;

double capacity_of(const Key& key) { return static_cast<double>(key.limits.tokens_per_minute); }

}  // namespace

RateLimits::State& RateLimits::refilled(const Key& key, double now_s) {
  const auto [entry, is_new] = states_.try_emplace(key.id);
  State& state = entry->second;
  const double capacity = capacity_of(key);
  if (is_new) {
    state.tokens = capacity;
  } else {
    const double gained = (now_s - state.updated_s) * capacity / kSecondsPerMinute;
    state.tokens = std::min(capacity, state.tokens + std::max(gained, 0.0));
  }
  state.updated_s = now_s;
  return state;
}

RateLimits::Verdict RateLimits::judge(const Key& key, const State& state, int64_t prompt_tokens,
                                      int64_t answers) {
  if (key.limits.max_concurrent > 0 && state.running + answers > key.limits.max_concurrent) {
    return {.answer = Answer::kTooManyRequests, .retry_after_s = kRetryWhenBusyS};
  }
  const double capacity = capacity_of(key);
  const double needed = std::min(static_cast<double>(prompt_tokens), capacity);
  if (key.limits.tokens_per_minute > 0 && state.tokens < needed) {
    const double wait_s = (needed - state.tokens) * kSecondsPerMinute / capacity;
    return {.answer = Answer::kTooManyTokens,
            .retry_after_s = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(wait_s)))};
  }
  return {};
}

RateLimits::Verdict RateLimits::ask(const Key& key, double now_s) {
  const std::lock_guard lock(mutex_);
  return judge(key, refilled(key, now_s), 1, 1);
}

RateLimits::Verdict RateLimits::acquire(const Key& key, int64_t prompt_tokens, double now_s,
                                        int64_t answers) {
  const std::lock_guard lock(mutex_);
  State& state = refilled(key, now_s);
  const Verdict verdict = judge(key, state, prompt_tokens, answers);
  if (verdict.answer == Answer::kAdmitted) {
    state.tokens -= key.limits.tokens_per_minute > 0 ? static_cast<double>(prompt_tokens) : 0;
    state.running += answers;
  }
  return verdict;
}

void RateLimits::release(const Key& key, int64_t further_tokens, double now_s, int64_t answers) {
  const std::lock_guard lock(mutex_);
  State& state = refilled(key, now_s);
  state.running -= answers;
  if (key.limits.tokens_per_minute > 0) {
    state.tokens = std::min(capacity_of(key), state.tokens - static_cast<double>(further_tokens));
  }
}

}  // namespace levin::serve::accounts
