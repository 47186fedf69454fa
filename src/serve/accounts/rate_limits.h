// Limits of keys in this process: requests at once, tokens per minute.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "serve/accounts/key.h"

namespace levin::serve::accounts {

/// Counts what the keys do. Any thread. Times are seconds of a clock that never goes back.
///
/// Tokens flow into a bucket of tokens_per_minute at that rate. A request starts when the bucket
/// holds its prompt, or is full, and takes its prompt at once; its completion, whose length nobody
/// knows before, is taken at the end and may leave a debt that the next request waits for.
class RateLimits {
 public:
  enum class Answer { kAdmitted, kTooManyRequests, kTooManyTokens };
  struct Verdict {
    Answer answer = Answer::kAdmitted;
    int64_t retry_after_s = 0;  ///< at least 1 unless admitted
  };

  /// `answers`: how many run at once in this request; each counts against max_concurrent.
  [[nodiscard]] Verdict acquire(const Key& key, int64_t prompt_tokens, double now_s,
                                int64_t answers = 1);

  /// What acquire would say to the smallest request; takes nothing.
  [[nodiscard]] Verdict ask(const Key& key, double now_s);

  /// Ends a request that was admitted, and takes `further_tokens` (negative: gives back).
  void release(const Key& key, int64_t further_tokens, double now_s, int64_t answers = 1);

 private:
  struct State {
    int64_t running = 0;   ///< answers
    double tokens = 0;     ///< in the bucket; negative: owed
    double updated_s = 0;  ///< when `tokens` was that
  };

  /// Whether so much may start in this state of the key.
  [[nodiscard]] static Verdict judge(const Key& key, const State& state, int64_t prompt_tokens,
                                     int64_t answers);

  /// The state of a key with its bucket filled up to `now_s`. Under the mutex.
  State& refilled(const Key& key, double now_s);

  std::mutex mutex_;
  std::map<int64_t, State> states_;  ///< by id of the key
};

}  // namespace levin::serve::accounts
