// Answers that do not fit into the cache together: they take turns, and nobody can tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "disk_pages.h"
#include "engine_helpers.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

using testing::golden_model;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::record;
using testing::run_all;
using testing::run_alone;

/// An engine whose pool holds `pages` pages.
std::unique_ptr<Engine> load_small(const std::string& model_dir, int64_t context_tokens,
                                   int64_t pages, EngineOptions options = {}) {
  options.cache_bytes =
      pages * load_engine(model_dir, context_tokens, options)->pages().page_bytes();
  return load_engine(model_dir, context_tokens, options);
}

/// Runs all of `requests` together under pressure, and compares with each alone.
void expect_equal_answers(Engine& roomy, Engine& small, const std::vector<Request>& requests) {
  std::vector<RequestId> ids;
  for (const Request& request : requests) {
    ids.push_back(small.submit(request));
  }
  const auto outcomes = run_all(small);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(outcomes.at(ids[i]), run_alone(roomy, requests[i])) << "request " << i;
  }
  EXPECT_GT(small.stats().preemptions, 0);
  EXPECT_GT(small.stats().recomputed_tokens, 0);
  EXPECT_EQ(roomy.stats().preemptions, 0);
  EXPECT_EQ(small.stats().generated_tokens, roomy.stats().generated_tokens);
  EXPECT_EQ(small.pages().held_pages(), 0);
  EXPECT_EQ(small.pages().reserved_pages(), 0);
}

TEST(EnginePreemption, PagesThatNobodyUsesMakeNobodyWait) {
  EngineOptions options;
  options.cache_bytes = int64_t{100} << 20;
  const auto engine = load_engine(mini_model(), 16384, options);
  std::set<RequestId> begun;
  for (uint64_t i = 0; i < 6; ++i) {
    (void)engine->submit(make_request(random_prompt(80, 4000, i), 0));  // until the context is full
  }
  for (int step = 0; step < 10; ++step) {
    for (const TokenEvent& event : engine->step()) {
      begun.insert(event.request);
    }
  }
  EXPECT_EQ(begun.size(), 6U);
}

class EnginePreemptionOnGolden
    : public ::testing::TestWithParam<std::tuple<const char*, model::Numerics>> {};

TEST_P(EnginePreemptionOnGolden, AnswersAreThoseWithoutPressure) {
  const auto& [name, numerics] = GetParam();
  EngineOptions options;
  options.forward.numerics = numerics;
  const auto roomy = load_engine(golden_model(name), 0, options);
  const auto small = load_small(golden_model(name), 0, 4, options);
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 4; ++i) {
    requests.push_back(make_request(random_prompt(10 + 12 * static_cast<int64_t>(i), 280, i), 0,
                                    i % 2 == 0 ? 0.0 : 1.0, i));
  }
  // Answers beyond the outlook alone make preemptions, and this context is shorter: what waits for
  // pages gets them while others are paused.
  std::vector<RequestId> ids;
  std::map<RequestId, Outcome> outcomes;
  for (const Request& request : requests) {
    ids.push_back(small->submit(request));
    for (int step = 0; step < 15; ++step) {
      record(small->step(), outcomes);
    }
    small->set_paused(ids.back(), true);
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    small->set_paused(ids[i], false);
    for (int step = 0; step < 15; ++step) {
      record(small->step(), outcomes);
    }
  }
  while (small->has_work()) {
    record(small->step(), outcomes);
  }
  EXPECT_GT(small->stats().preemptions, 0);
  for (size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(outcomes.at(ids[i]), run_alone(*roomy, requests[i])) << "request " << i;
  }
  EXPECT_EQ(small->pages().held_pages() + small->pages().reserved_pages(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, EnginePreemptionOnGolden,
    ::testing::Combine(::testing::Values("v32-f32", "v32-fp8", "v3-dense", "v2-lite"),
                       ::testing::Values(model::Numerics::kFast, model::Numerics::kReference)));

/// Requests of every kind on a model that selects beyond 256 tokens.
std::vector<Request> mixed_requests(const TokenMask& even) {
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 5; ++i) {
    requests.push_back(make_request(random_prompt(90 + 30 * static_cast<int64_t>(i), 4000, i), 350,
                                    i % 2 == 0 ? 0.0 : 1.0, i));
  }
  requests[1].sampling.repetition_penalty = 1.2;
  requests[1].sampling.frequency_penalty = 0.5;
  requests[2].is_dense = true;
  requests[3].constraint = [&even](const std::vector<int32_t>& generated) {
    return generated.size() % 2 == 0 ? &even : nullptr;
  };
  requests[4].prompt = requests[0].prompt;
  requests[4].prompt.push_back(7);
  return requests;
}

TEST(EnginePreemption, AnswersOfEveryKindAreThoseWithoutPressure) {
  const auto roomy = load_engine(mini_model(), 1024);
  const auto small = load_small(mini_model(), 1024, 17);
  TokenMask even(roomy->config().vocab_size);
  for (int32_t token = 0; token < roomy->config().vocab_size; token += 2) {
    even.allow(token);
  }
  expect_equal_answers(*roomy, *small, mixed_requests(even));
}

TEST(EnginePreemption, WithoutSharedPrefixesEverythingIsComputedAgain) {
  EngineOptions options;
  options.share_prefixes = false;
  const auto roomy = load_engine(mini_model(), 1024, options);
  const auto small = load_small(mini_model(), 1024, 16, options);
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 3; ++i) {
    requests.push_back(make_request(random_prompt(120, 4000, i), 400, 1.0, i));
  }
  expect_equal_answers(*roomy, *small, requests);
}

TEST(EnginePreemption, APromptComesBackFromDiskWhenMemoryHasLostItMeanwhile) {
  const testing::TemporaryFolder folder;
  EngineOptions options;
  options.disk_cache_dir = folder.path();
  const Request request = make_request(random_prompt(300, 4000, 1), 60, 1.0, 1);
  const Outcome expected = run_alone(*load_engine(mini_model(), 1024, options), request);
  const auto small = load_small(mini_model(), 1024, 20, options);
  std::map<RequestId, Outcome> outcomes;
  const RequestId id = small->submit(request);
  for (int step = 0; step < 30; ++step) {
    record(small->step(), outcomes);
  }
  EXPECT_EQ(small->cache_stats().disk.read_pages, 4);
  small->set_paused(id, true);
  for (const uint64_t seed : {2, 3}) {  // the first takes its pages, the second their content
    const RequestId other = small->submit(make_request(random_prompt(1000, 4000, seed), 2));
    while (!outcomes[other].finish.has_value()) {
      record(small->step(), outcomes);
    }
  }
  EXPECT_EQ(small->stats().preemptions, 1);
  small->set_paused(id, false);
  while (small->has_work()) {
    record(small->step(), outcomes);
  }
  EXPECT_EQ(outcomes.at(id), expected);
  EXPECT_EQ(outcomes.at(id).cached_tokens, 256) << "as it was told at first";
  EXPECT_EQ(small->cache_stats().disk.read_pages, 8);
  EXPECT_EQ(small->stats().restored_prompt_tokens, 256) << "the first time";
  EXPECT_EQ(small->stats().prompt_tokens, 2300);
}

/// What a request is told must not show that it was preempted.
TEST(EnginePreemption, ScoresAndProgressAreToldOnce) {
  const auto small = load_small(mini_model(), 1024, 22);
  const RequestId oldest = small->submit(make_request(random_prompt(100, 4000, 1), 900));
  std::map<RequestId, Outcome> outcomes;
  for (int step = 0; step < 300; ++step) {
    record(small->step(), outcomes);
  }
  Request scored = make_request(random_prompt(600, 4000, 2), 10);
  scored.wants_prompt_logprobs = true;
  const RequestId id = small->submit(scored);
  std::vector<SampledToken> scores;
  std::vector<int64_t> done;
  std::vector<int32_t> tokens;
  const auto note = [&] {
    for (const TokenEvent& event : small->step()) {
      if (event.request == id) {
        EXPECT_EQ(event.prompt_tokens_cached, 0);
        scores.insert(scores.end(), event.prompt_logprobs.begin(), event.prompt_logprobs.end());
        done.push_back(event.prompt_tokens_done);
        if (event.token.has_value()) {
          tokens.push_back(event.token->token);
        }
      }
    }
  };
  for (int step = 0; step < 3; ++step) {
    note();
  }
  small->set_paused(id, true);
  for (int step = 0; step < 900 && small->stats().preemptions == 0; ++step) {
    (void)small->step();
  }
  ASSERT_EQ(small->stats().preemptions, 1);
  small->cancel(oldest);
  small->set_paused(id, false);
  while (small->has_work()) {
    note();
  }
  ASSERT_EQ(scores.size(), scored.prompt.size() - 1);
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_EQ(scores[i].token, scored.prompt[i + 1]);
  }
  EXPECT_EQ(done.size(), 4 + tokens.size()) << "five chunks, each told once";
  EXPECT_TRUE(std::ranges::is_sorted(done));
  const auto roomy = load_engine(mini_model(), 1024);
  EXPECT_EQ(tokens, run_alone(*roomy, scored).tokens);
}

}  // namespace
}  // namespace levin::runtime
