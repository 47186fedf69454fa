#include "runtime/memory_plan.h"

#include <gtest/gtest.h>

#include "base/expect_error.h"

namespace levin::runtime {
namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kActivationBytes = 4 * kMiB;

const MemoryRequest kRequest{.context_tokens = 1000,
                             .cache_bytes = 0,
                             .page_bytes = kMiB,
                             .available_bytes = 100 * kMiB,
                             .activation_bytes = [](int64_t) { return kActivationBytes; }};

void expect_refusal(const MemoryRequest& request, base::ErrorCode code,
                    const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    levin::testing::expect_error([&] { (void)plan_memory(request); }, code, part);
  }
}

TEST(PlanMemory, HoldsTheContextInWholePages) {
  const MemoryPlan plan = plan_memory(kRequest);
  EXPECT_EQ(plan.context_tokens, 1000);
  EXPECT_EQ(plan.pages, 16);
  MemoryRequest shorter = kRequest;
  shorter.context_tokens = 65;
  EXPECT_EQ(plan_memory(shorter).context_tokens, 65);
  EXPECT_EQ(plan_memory(shorter).pages, 2);
}

TEST(PlanMemory, ALargerCacheHoldsMoreSequences) {
  MemoryRequest request = kRequest;
  request.cache_bytes = 50 * kMiB + kMiB / 2;
  EXPECT_EQ(plan_memory(request).pages, 50);
  EXPECT_EQ(plan_memory(request).context_tokens, 1000);
}

TEST(PlanMemory, HoldsAsManyContextsAsAQuarterOfTheMemoryDoes) {
  MemoryRequest request = kRequest;
  request.most_contexts = 8;
  const int64_t pages = plan_memory(kRequest).pages;
  request.available_bytes = 0;  // the system does not say: one, as ever
  EXPECT_EQ(plan_memory(request).pages, pages);
  request.available_bytes = 4 * 3 * pages * request.page_bytes;
  EXPECT_EQ(plan_memory(request).pages, 3 * pages);
  request.available_bytes = 4 * 100 * pages * request.page_bytes;
  EXPECT_EQ(plan_memory(request).pages, 8 * pages);
  request.cache_bytes = pages * request.page_bytes;
  EXPECT_EQ(plan_memory(request).pages, pages);
}

TEST(PlanMemory, SaysWhatTheCacheNeedsWhenMemoryIsShort) {
  MemoryRequest request = kRequest;
  request.available_bytes = 14 * kMiB + kMiB / 2;
  expect_refusal(request, base::ErrorCode::kOutOfMemory,
                 {"1000 tokens", "16.0 MiB of cache", "4.0 MiB of working memory",
                  "14.5 MiB are available", "at most 640 tokens fits"});
  request.available_bytes = 20 * kMiB;
  EXPECT_NO_THROW((void)plan_memory(request));
  request.available_bytes = 1;
  expect_refusal(request, base::ErrorCode::kOutOfMemory, {"no shorter one fits either"});
}

TEST(PlanMemory, NamesTheLongestContextThatFitsWithItsOwnWorkingMemory) {
  MemoryRequest request = kRequest;
  request.activation_bytes = [](int64_t context_tokens) { return context_tokens * kMiB / 10; };
  request.available_bytes = 50 * kMiB;  // a page and its 64 tokens take 7.4 MiB
  expect_refusal(request, base::ErrorCode::kOutOfMemory,
                 {"100 MiB of working memory", "a context of at most 384 tokens fits"});
  request.context_tokens = 384;
  EXPECT_NO_THROW((void)plan_memory(request));
}

TEST(PlanMemory, SpeaksOfTheCacheWhereTheCacheWasAskedFor) {
  MemoryRequest request = kRequest;
  request.cache_bytes = 30 * kMiB;
  request.available_bytes = 24 * kMiB;
  expect_refusal(request, base::ErrorCode::kOutOfMemory,
                 {"cache: 30.0 MiB were asked for", "4.0 MiB of working memory",
                  "24.0 MiB are available", "ask for a cache of at most 20.0 MiB"});
  request.cache_bytes = 20 * kMiB;
  EXPECT_NO_THROW((void)plan_memory(request));
}

TEST(PlanMemory, RefusesNothingWhereTheSystemDoesNotSayWhatItHas) {
  MemoryRequest request = kRequest;
  request.available_bytes = 0;
  EXPECT_EQ(plan_memory(request).pages, 16);
}

TEST(PlanMemory, RefusesACacheThatCannotHoldTheContext) {
  MemoryRequest request = kRequest;
  request.cache_bytes = 4 * kMiB - 1;
  expect_refusal(request, base::ErrorCode::kInvalidArgument, {"16.0 MiB", "4.0 MiB", "192 tokens"});
}

TEST(PlanMemory, HugeNumbersDoNotOverflow) {
  MemoryRequest request = kRequest;
  request.context_tokens = int64_t{1} << 60;
  expect_refusal(request, base::ErrorCode::kOutOfMemory, {"TiB of cache"});
}

TEST(WantedContext, IsTheModelsUnlessAskedFor) {
  EXPECT_EQ(wanted_context(0, 1000), 1000);
  EXPECT_EQ(wanted_context(65, 1000), 65);
  EXPECT_EQ(wanted_context(1000, 1000), 1000);
}

TEST(WantedContext, IsNeverBeyondTheModels) {
  for (const int64_t tokens : {-1, 1001}) {
    try {
      (void)wanted_context(tokens, 1000);
      FAIL() << tokens;
    } catch (const base::Error& error) {
      EXPECT_EQ(error.code(), base::ErrorCode::kInvalidArgument);
      EXPECT_EQ(std::string(error.what()),
                "context: 1 to 1000 tokens expected (the model's max_position_embeddings), got " +
                    std::to_string(tokens));
    }
  }
}

}  // namespace
}  // namespace levin::runtime
