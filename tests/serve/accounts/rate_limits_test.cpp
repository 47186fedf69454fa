// Limits of a key: requests at once, tokens per minute.
#include "serve/accounts/rate_limits.h"

#include <gtest/gtest.h>

namespace levin::testing {
namespace {

using serve::accounts::Key;
using serve::accounts::RateLimits;
using Answer = serve::accounts::RateLimits::Answer;

Key key_with(int64_t max_concurrent, int64_t tokens_per_minute, int64_t id = 1) {
  Key key;
  key.id = id;
  key.limits = {.max_concurrent = max_concurrent, .tokens_per_minute = tokens_per_minute};
  return key;
}

TEST(RateLimits, WithoutLimitsEverythingIsAdmitted) {
  RateLimits limits;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(limits.acquire(key_with(0, 0), 1'000'000, 0).answer, Answer::kAdmitted);
  }
}

TEST(RateLimits, OneRequestMoreThanAllowedWaitsForAnEnd) {
  RateLimits limits;
  const Key key = key_with(2, 0);
  EXPECT_EQ(limits.acquire(key, 1, 0).answer, Answer::kAdmitted);
  EXPECT_EQ(limits.acquire(key, 1, 0).answer, Answer::kAdmitted);
  const RateLimits::Verdict third = limits.acquire(key, 1, 0);
  EXPECT_EQ(third.answer, Answer::kTooManyRequests);
  EXPECT_GE(third.retry_after_s, 1);
  limits.release(key, 0, 0);
  EXPECT_EQ(limits.acquire(key, 1, 0).answer, Answer::kAdmitted);
}

TEST(RateLimits, KeysDoNotShareLimits) {
  RateLimits limits;
  EXPECT_EQ(limits.acquire(key_with(1, 0, 1), 1, 0).answer, Answer::kAdmitted);
  EXPECT_EQ(limits.acquire(key_with(1, 0, 2), 1, 0).answer, Answer::kAdmitted);
}

TEST(RateLimits, AskingTakesNothing) {
  RateLimits limits;
  const Key key = key_with(1, 60);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(limits.ask(key, 0).answer, Answer::kAdmitted);
  }
  EXPECT_EQ(limits.acquire(key, 60, 0).answer, Answer::kAdmitted) << "all of it is still there";
  EXPECT_EQ(limits.ask(key, 0).answer, Answer::kTooManyRequests);
  limits.release(key, 0, 0);
  const RateLimits::Verdict refused = limits.ask(key, 0);
  EXPECT_EQ(refused.answer, Answer::kTooManyTokens);
  EXPECT_EQ(refused.retry_after_s, 1) << "the smallest request needs one token";
  EXPECT_EQ(limits.ask(key, 1).answer, Answer::kAdmitted);
}

TEST(RateLimits, TokensComeBackWithTime) {
  RateLimits limits;
  const Key key = key_with(0, 600);  // ten a second
  EXPECT_EQ(limits.acquire(key, 600, 100).answer, Answer::kAdmitted);
  const RateLimits::Verdict refused = limits.acquire(key, 55, 100);
  EXPECT_EQ(refused.answer, Answer::kTooManyTokens);
  EXPECT_EQ(refused.retry_after_s, 6);
  EXPECT_EQ(limits.acquire(key, 55, 105).answer, Answer::kTooManyTokens);
  EXPECT_EQ(limits.acquire(key, 55, 106).answer, Answer::kAdmitted);
}

TEST(RateLimits, RetryAfterIsLongEnough) {
  RateLimits limits;
  const Key key = key_with(0, 7);
  EXPECT_EQ(limits.acquire(key, 7, 0).answer, Answer::kAdmitted);
  const RateLimits::Verdict refused = limits.acquire(key, 3, 0);
  ASSERT_EQ(refused.answer, Answer::kTooManyTokens);
  EXPECT_EQ(limits.acquire(key, 3, static_cast<double>(refused.retry_after_s)).answer,
            Answer::kAdmitted);
}

TEST(RateLimits, CompletionsAreTakenAtTheEndAndMayLeaveADebt) {
  RateLimits limits;
  const Key key = key_with(0, 60);  // one a second
  EXPECT_EQ(limits.acquire(key, 20, 0).answer, Answer::kAdmitted);
  limits.release(key, 70, 0);  // 30 owed
  EXPECT_EQ(limits.acquire(key, 0, 29).answer, Answer::kTooManyTokens);
  EXPECT_EQ(limits.acquire(key, 0, 30).answer, Answer::kAdmitted);
}

TEST(RateLimits, APromptBeyondTheLimitStartsWithAFullBucket) {
  RateLimits limits;
  const Key key = key_with(0, 60);
  EXPECT_EQ(limits.acquire(key, 100, 0).answer, Answer::kAdmitted);  // 40 owed
  EXPECT_EQ(limits.acquire(key, 100, 99).answer, Answer::kTooManyTokens);
  EXPECT_EQ(limits.acquire(key, 100, 100).answer, Answer::kAdmitted);
}

TEST(RateLimits, TokensOfAReleasedRequestComeBackButNoMore) {
  RateLimits limits;
  const Key key = key_with(0, 60);
  EXPECT_EQ(limits.acquire(key, 60, 0).answer, Answer::kAdmitted);
  limits.release(key, -60, 30);  // the bucket had half refilled by then
  EXPECT_EQ(limits.acquire(key, 60, 30).answer, Answer::kAdmitted);
  EXPECT_EQ(limits.acquire(key, 1, 30).answer, Answer::kTooManyTokens);
}

}  // namespace
}  // namespace levin::testing
