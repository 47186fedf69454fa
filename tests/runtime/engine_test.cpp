#include "runtime/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/error.h"
#include "models.h"
#include "runtime/page_pool.h"
#include "runtime/session.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::load_engine;
using testing::mini_model;
using testing::random_prompt;

/// What became of one request.
struct Outcome {
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  int64_t cached_tokens = 0;
  std::optional<FinishReason> finish;
  std::string error;

  bool operator==(const Outcome& other) const {  // the cache may differ, the answer may not
    return tokens == other.tokens && logprobs == other.logprobs && finish == other.finish;
  }
};

void record(const std::vector<TokenEvent>& events, std::map<RequestId, Outcome>& outcomes) {
  for (const TokenEvent& event : events) {
    Outcome& outcome = outcomes[event.request];
    EXPECT_FALSE(outcome.finish.has_value()) << "nothing comes after the finish";
    outcome.cached_tokens = event.prompt_tokens_cached;
    if (event.token.has_value()) {
      outcome.tokens.push_back(event.token->token);
      outcome.logprobs.push_back(event.token->logprob);
    }
    outcome.finish = event.finish;
    outcome.error = event.error;
  }
}

std::map<RequestId, Outcome> run_all(Engine& engine) {
  std::map<RequestId, Outcome> outcomes;
  while (engine.has_work()) {
    record(engine.step(), outcomes);
  }
  return outcomes;
}

Request make_request(std::vector<int32_t> prompt, int64_t max_new_tokens, double temperature = 0.0,
                     uint64_t seed = 0) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_new_tokens = max_new_tokens;
  request.sampling.temperature = temperature;
  request.sampling.seed = seed;
  return request;
}

Outcome run_alone(Engine& engine, Request request) {
  const RequestId id = engine.submit(std::move(request));
  return run_all(engine).at(id);
}

template <typename Action>
void expect_error(Action action, ErrorCode code, const std::string& sentence) {
  try {
    action();
    FAIL() << "an error was expected: " << sentence;
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(sentence));
  }
}

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

TEST(Engine, SharedPrefixesChangeNothingButTheWork) {
  EngineOptions without;
  without.share_prefixes = false;
  const auto plain = load_engine(mini_model(), 1024, without);
  const auto sharing = load_engine(mini_model(), 1024);
  std::vector<int32_t> prompt = random_prompt(200, 4000, 1);
  for (int32_t round = 0; round < 3; ++round) {
    const Outcome expected = run_alone(*plain, make_request(prompt, 4));
    const Outcome outcome = run_alone(*sharing, make_request(prompt, 4));
    EXPECT_EQ(outcome, expected);
    EXPECT_EQ(expected.cached_tokens, 0);
    EXPECT_EQ(outcome.cached_tokens, round == 0 ? 0 : 128);
    prompt.resize(180);
    prompt.insert(prompt.end(), {5, 6, 7, 8 + round});
  }
  EXPECT_EQ(sharing->stats().cached_prompt_tokens, 2 * 128);
  EXPECT_EQ(sharing->stats().prompt_tokens, plain->stats().prompt_tokens);
  EXPECT_EQ(sharing->pages().held_pages(), 0);
}

TEST(Engine, AnswersAreNotTakenFromTheCacheAsPrompts) {
  EngineOptions without;
  without.share_prefixes = false;
  const auto plain = load_engine(mini_model(), 1024, without);
  const auto sharing = load_engine(mini_model(), 1024);
  std::vector<int32_t> prompt = random_prompt(100, 4000, 2);
  const Outcome first = run_alone(*sharing, make_request(prompt, 40));
  prompt.insert(prompt.end(), first.tokens.begin(), first.tokens.end());
  const Outcome outcome = run_alone(*sharing, make_request(prompt, 5));
  EXPECT_EQ(outcome.cached_tokens, 64) << "page 2 holds decoded rows";
  EXPECT_EQ(outcome, run_alone(*plain, make_request(prompt, 5)));
}

TEST(Engine, SaltsSeparatePrefixes) {
  const auto engine = load_engine(mini_model(), 512);
  Request request = make_request(random_prompt(100, 4000, 3), 1);
  request.prefix_salt = 1;
  (void)run_alone(*engine, request);
  EXPECT_EQ(run_alone(*engine, request).cached_tokens, 64);
  request.prefix_salt = 2;
  EXPECT_EQ(run_alone(*engine, request).cached_tokens, 0);
}

TEST(Engine, EvictionUnderPressureChangesNothing) {
  EngineOptions small;
  const auto plain = load_engine(mini_model(), 256);
  small.cache_bytes = 6 * plain->pages().page_bytes();
  const auto engine = load_engine(mini_model(), 256, small);
  for (uint64_t i = 0; i < 8; ++i) {
    const Request request = make_request(random_prompt(150, 4000, i % 4), 3);
    EXPECT_EQ(run_alone(*engine, request), run_alone(*plain, request));
  }
  EXPECT_LE(engine->pages().touched_pages(), 6);
}

TEST(Engine, RefusesWhatItCannotDo) {
  const auto engine = load_engine(golden_model("v32-f32"));
  const auto submit = [&](Request request) {
    return [&engine, request = std::move(request)] { engine->submit(request); };
  };
  expect_error(submit(make_request({}, 1)), ErrorCode::kInvalidArgument, "the prompt is empty");
  expect_error(submit(make_request({5, 320}, 1)), ErrorCode::kInvalidArgument,
               "token 320 at position 1 of the prompt is outside the model's vocabulary of 320");
  expect_error(submit(make_request({-1}, 1)), ErrorCode::kInvalidArgument, "token -1");
  expect_error(submit(make_request(random_prompt(128, 320, 0), 1)), ErrorCode::kContextTooLong,
               "the prompt has 128 tokens, and with one token of answer the context holds 128");
  expect_error(submit(make_request({5}, -1)), ErrorCode::kInvalidArgument, "max_new_tokens");
  expect_error(submit(make_request({5}, 1, -1.0)), ErrorCode::kInvalidArgument, "temperature");
  EXPECT_FALSE(engine->has_work());
}

TEST(Engine, LoadRefusesOptionsThatCannotWork) {
  EngineOptions options;
  options.chunk_tokens = 0;
  expect_error([&] { load_engine(golden_model("v32-f32"), 0, options); },
               ErrorCode::kInvalidArgument, "at least 1 token");
  expect_error([] { load_engine(golden_model("v32-f32"), 129); }, ErrorCode::kInvalidArgument,
               "max_position_embeddings");
  options = {};
  options.forward.attention = model::AttentionMode::kSparse;
  expect_error([&] { load_engine(golden_model("v3-dense"), 0, options); },
               ErrorCode::kInvalidArgument, "no indexer");
}

/// A golden checkpoint whose config claims an enormous context.
TEST(Engine, SaysHowMuchMemoryTheCacheWouldNeed) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "levin_huge_context";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(golden_model("v32-f32"), folder, std::filesystem::copy_options::recursive);
  std::ifstream in(golden_model("v32-f32") + "/config.json");
  std::string config((std::istreambuf_iterator<char>(in)), {});
  const std::string key = "\"max_position_embeddings\": 128";
  ASSERT_NE(config.find(key), std::string::npos);
  config.replace(config.rfind(key), key.size(), "\"max_position_embeddings\": 1073741824");
  std::ofstream(folder / "config.json") << config;
  EngineOptions options;
  options.forward.numerics = model::Numerics::kReference;  // float32 rows: two terabytes
  expect_error([&] { load_engine(folder.string(), 0, options); }, ErrorCode::kOutOfMemory,
               "a context of 1073741824 tokens needs");
  EXPECT_NO_THROW(load_engine(folder.string(), 1000));
  std::filesystem::remove_all(folder);
}

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

TEST(Engine, CancelEndsOneRequestAndLeavesTheOthersAlone) {
  EngineOptions options;
  options.cache_bytes = 16 << 20;
  const auto engine = load_engine(golden_model("v32-f32"), 0, options);
  const Request kept_request = make_request(random_prompt(20, 320, 7), 30);
  const Outcome expected = run_alone(*engine, kept_request);
  const RequestId kept = engine->submit(kept_request);
  const RequestId cancelled = engine->submit(make_request(random_prompt(25, 320, 8), 90));
  std::map<RequestId, Outcome> outcomes;
  for (int i = 0; i < 5; ++i) {
    record(engine->step(), outcomes);
  }
  engine->cancel(cancelled);
  engine->cancel(12345);  // nobody
  record(engine->step(), outcomes);
  EXPECT_EQ(outcomes.at(cancelled).finish, FinishReason::kCancelled);
  EXPECT_EQ(outcomes.at(cancelled).tokens.size(), 5U);
  while (engine->has_work()) {
    record(engine->step(), outcomes);
  }
  EXPECT_EQ(outcomes.at(kept), expected);
  EXPECT_EQ(engine->pages().held_pages(), 0);
  EXPECT_EQ(engine->pages().reserved_pages(), 0);
}

TEST(Engine, ACancelTokenInsideAStepRollsTheStepBack) {
  const auto engine = load_engine(mini_model(), 1024);
  const Request request = make_request(random_prompt(150, 4000, 9), 6);
  const Outcome expected = run_alone(*load_engine(mini_model(), 1024), request);
  base::CancelToken token;
  engine->set_cancel(&token);
  const RequestId id = engine->submit(request);
  std::map<RequestId, Outcome> outcomes;
  for (int step = 0; engine->has_work(); ++step) {
    if (step % 2 == 0) {
      token.cancel();
      expect_error([&] { (void)engine->step(); }, ErrorCode::kCancelled, "stopped on request");
      token.reset();
    } else {
      record(engine->step(), outcomes);
    }
  }
  EXPECT_EQ(outcomes.at(id), expected);
  engine->set_cancel(nullptr);
}

TEST(Engine, AFailingRequestDoesNotDisturbOthers) {
  EngineOptions options;
  options.cache_bytes = 16 << 20;
  const auto engine = load_engine(golden_model("v32-f32"), 0, options);
  const Request good_request = make_request(random_prompt(20, 320, 10), 20);
  const Outcome expected = run_alone(*engine, good_request);
  const TokenMask nothing(320);
  Request bad_request = make_request(random_prompt(30, 320, 11), 20);
  bad_request.constraint = [&](const std::vector<int32_t>& generated) {
    return generated.size() < 3 ? nullptr : &nothing;
  };
  const RequestId good = engine->submit(good_request);
  const RequestId bad = engine->submit(bad_request);
  const auto outcomes = run_all(*engine);
  EXPECT_EQ(outcomes.at(good), expected);
  EXPECT_EQ(outcomes.at(bad).tokens.size(), 3U);
  EXPECT_EQ(outcomes.at(bad).finish, FinishReason::kError);
  EXPECT_THAT(outcomes.at(bad).error, HasSubstr("forbids every token"));
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

TEST(Engine, SaysThatAnotherSequenceHoldsTheCache) {
  const auto engine = load_engine(golden_model("v32-f32"));
  const Request request = make_request(random_prompt(20, 320, 13), 100);
  {
    const Session session(*engine, 128);
    const Outcome outcome = run_alone(*engine, request);
    EXPECT_EQ(outcome.finish, FinishReason::kError);
    EXPECT_THAT(outcome.error, HasSubstr("needs 2 pages of cache, 0 are free"));
  }
  EXPECT_EQ(run_alone(*engine, request).finish, FinishReason::kLength);
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
}

}  // namespace
}  // namespace levin::runtime
