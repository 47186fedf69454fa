// What an engine answers, alone and in company.
#include "runtime/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "engine_helpers.h"
#include "runtime/session.h"

namespace levin::runtime {
namespace {

using testing::golden_model;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::record;
using testing::run_alone;

/// Greedy tokens of a session that is driven by hand.
std::vector<int32_t> decode_by_hand(Engine& engine, const std::vector<int32_t>& prompt,
                                    int64_t new_tokens) {
  Session session(engine, static_cast<int64_t>(prompt.size()) + new_tokens);
  std::vector<int32_t> tokens;
  const float* logits = session.append(prompt, false, model::LogitsWanted::kLast).view().row(0);
  const auto vocab = static_cast<size_t>(engine.config().vocab_size);
  while (true) {
    tokens.push_back(sample({logits, vocab}, {}, {}, {}, 0, nullptr).token);
    if (static_cast<int64_t>(tokens.size()) == new_tokens) {
      return tokens;
    }
    logits = session.append({&tokens.back(), 1}, true, model::LogitsWanted::kLast).view().row(0);
  }
}

class EngineOnGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(EngineOnGolden, GreedyTokensEqualStepByStepDecoding) {
  const auto engine = load_engine(golden_model(GetParam()));
  const std::vector<int32_t> prompt = random_prompt(70, engine->config().vocab_size, 1);
  const Outcome outcome = run_alone(*engine, make_request(prompt, 40));
  EXPECT_EQ(outcome.tokens, decode_by_hand(*engine, prompt, 40));
  EXPECT_EQ(outcome.finish, FinishReason::kLength);
}

TEST_P(EngineOnGolden, BatchedEqualsAlone) {
  EngineOptions options;
  options.threads = 2;
  options.chunk_tokens = 48;
  options.share_prefixes = false;
  options.cache_bytes = 16 << 20;
  const auto engine = load_engine(golden_model(GetParam()), 0, options);
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 6; ++i) {
    requests.push_back(make_request(
        random_prompt(5 + 17 * static_cast<int64_t>(i), engine->config().vocab_size, i),
        10 + static_cast<int64_t>(i), i % 2 == 0 ? 0.0 : 1.0, i));
  }
  std::vector<Outcome> alone;
  alone.reserve(requests.size());
  for (const Request& request : requests) {
    alone.push_back(run_alone(*engine, request));
  }
  std::map<RequestId, size_t> request_of;
  std::map<RequestId, Outcome> outcomes;
  for (size_t i = 0; i < requests.size(); ++i) {  // they arrive while others run
    request_of[engine->submit(requests[i])] = i;
    record(engine->step(), outcomes);
  }
  while (engine->has_work()) {
    record(engine->step(), outcomes);
  }
  for (const auto& [id, i] : request_of) {
    EXPECT_EQ(outcomes.at(id), alone[i]) << "request " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, EngineOnGolden,
                         ::testing::Values("v32-f32", "v32-fp8", "v3-dense", "v2-lite"));

/// A golden checkpoint whose config claims an enormous context.
TEST(Engine, EndsAtTheStopTokenAndReportsIt) {
  const auto engine = load_engine(golden_model("v32-f32"));
  Request request = make_request(random_prompt(20, 320, 4), 30);
  const Outcome whole = run_alone(*engine, request);
  request.stop_token_ids = {whole.tokens[5]};
  const auto first = std::ranges::find(whole.tokens, whole.tokens[5]);
  const Outcome stopped = run_alone(*engine, request);
  EXPECT_EQ(stopped.tokens, std::vector<int32_t>(whole.tokens.begin(), first + 1));
  EXPECT_EQ(stopped.finish, FinishReason::kStop);
}

TEST(Engine, GoesOnUntilTheContextIsFull) {
  const auto engine = load_engine(golden_model("v32-f32"), 100);
  EXPECT_EQ(run_alone(*engine, make_request(random_prompt(60, 320, 5), 0)).tokens.size(), 40U);
  EXPECT_EQ(run_alone(*engine, make_request(random_prompt(60, 320, 5), 500)).tokens.size(), 40U);
  EXPECT_EQ(run_alone(*engine, make_request(random_prompt(99, 320, 5), 0)).tokens.size(), 1U);
}

TEST(Engine, ReportsTheProgressOfThePrompt) {
  EngineOptions options;
  options.chunk_tokens = 30;
  const auto engine = load_engine(golden_model("v32-f32"), 0, options);
  engine->submit(make_request(random_prompt(70, 320, 6), 1));
  std::vector<int64_t> done;
  while (engine->has_work()) {
    for (const TokenEvent& event : engine->step()) {
      done.push_back(event.prompt_tokens_done);
      EXPECT_EQ(event.token.has_value(), event.prompt_tokens_done == 70);
    }
  }
  EXPECT_EQ(done, (std::vector<int64_t>{30, 60, 70}));
}

TEST(Engine, AConstraintChoosesAmongItsTokens) {
  const auto engine = load_engine(golden_model("v32-f32"));
  TokenMask even(320);
  for (int32_t token = 0; token < 320; token += 2) {
    even.allow(token);
  }
  Request request = make_request(random_prompt(20, 320, 12), 20, 2.0);
  request.constraint = [&](const std::vector<int32_t>& /*generated*/) { return &even; };
  for (const int32_t token : run_alone(*engine, request).tokens) {
    EXPECT_EQ(token % 2, 0);
  }
}

TEST(Engine, ReportsTheExpertsOfEachToken) {
  const auto engine = load_engine(golden_model("v32-f32"));
  const std::vector<int32_t> prompt = random_prompt(20, 320, 14);
  Request request = make_request(prompt, 3);
  request.wants_experts = true;
  engine->submit(request);
  engine->submit(make_request(random_prompt(9, 320, 15), 3));  // shares the steps
  std::vector<std::vector<std::vector<int32_t>>> experts;
  std::vector<int32_t> tokens;
  while (engine->has_work()) {
    for (const TokenEvent& event : engine->step()) {
      EXPECT_EQ(event.expert_ids.empty(), event.request != 1);
      if (event.request == 1) {
        experts.push_back(event.expert_ids);
        tokens.push_back(event.token->token);
      }
    }
  }
  ASSERT_EQ(experts.size(), 3U);
  Session session(*engine, 64);
  model::Trace trace;
  trace.wants_router = true;
  (void)session.append(prompt, false, model::LogitsWanted::kLast, &trace);
  for (size_t i = 0;; ++i) {
    ASSERT_EQ(experts[i].size(), 4U) << "one entry a layer";
    EXPECT_TRUE(experts[i][0].empty()) << "the first layer is dense";
    for (size_t layer = 1; layer < 4; ++layer) {
      const auto ids = trace.layers[layer].router_ids.view();
      const int32_t* last = ids.row(ids.extent(0) - 1);
      EXPECT_EQ(experts[i][layer], std::vector<int32_t>(last, last + ids.extent(1)));
    }
    if (i == 2) {
      break;
    }
    (void)session.append({&tokens[i], 1}, true, model::LogitsWanted::kLast, &trace);
  }
}

TEST(Engine, CountsRowsReadAndVisible) {
  const auto engine = load_engine(mini_model(), 512);
  (void)run_alone(*engine, make_request(random_prompt(300, 4000, 16), 11));
  const EngineStats& stats = engine->stats();
  EXPECT_EQ(stats.prompt_tokens, 300);
  EXPECT_EQ(stats.generated_tokens, 11);
  EXPECT_EQ(stats.steps, 11);
  const int64_t layers = engine->config().num_hidden_layers;
  EXPECT_EQ(stats.rows.visible_rows, layers * (310 * 311) / 2);
  EXPECT_LT(stats.rows.latent_rows_read, stats.rows.visible_rows);
  const int64_t topk = engine->config().indexer.index_topk;
  EXPECT_EQ(stats.rows.index_keys_selected, layers * (310 - topk) * topk);
  EXPECT_EQ(stats.rows.index_keys_scored, layers * (310 * 311 - topk * (topk + 1)) / 2);
}

TEST(Engine, MeasuresItsTimeByPhaseIfAsked) {
  EngineOptions options;
  options.forward.measures_time = true;
  const auto engine = load_engine(mini_model(), 512, options);
  (void)run_alone(*engine, make_request(random_prompt(300, 4000, 16), 2));
  for (const StepPhase phase : {StepPhase::kPrefill, StepPhase::kDecode}) {
    const model::StepTime& time = engine->stats().time_of(phase);
    EXPECT_GT(time.indexer_s, 0);
    EXPECT_GT(time.attention_s, 0);
    EXPECT_GT(time.total_s, time.indexer_s + time.attention_s);
  }
  EXPECT_EQ(engine->stats().time_of(StepPhase::kMixed).total_s, 0) << "it was alone";
  const auto silent = load_engine(mini_model(), 512);
  (void)run_alone(*silent, make_request(random_prompt(300, 4000, 16), 2));
  EXPECT_EQ(silent->stats().time_of(StepPhase::kPrefill).total_s, 0);
}

}  // namespace
}  // namespace levin::runtime
