// What an engine refuses, and what it survives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine_helpers.h"
#include "formats/temporary_folder.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"
#include "runtime/session.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::golden_model;
using ::testing::HasSubstr;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::record;
using testing::run_all;
using testing::run_alone;

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

/// A copy of a golden model whose config.json has one value replaced; gone at the end.
class ChangedModel {
 public:
  ChangedModel(const std::string& golden, const std::string& key, int64_t value)
      : path_(folder_.file(fmt::format("{}_{}", key, value))) {
    std::filesystem::copy(golden_model(golden), path_, std::filesystem::copy_options::recursive);
    nlohmann::json config = nlohmann::json::parse(std::ifstream(path() + "/config.json"));
    config.at(key) = value;
    std::ofstream(path() + "/config.json") << config;
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  void remove_weights() const { std::filesystem::remove(path() + "/model.safetensors"); }

 private:
  levin::testing::TemporaryFolder folder_;
  std::string path_;
};

TEST(Engine, AsksTheConfigBeforeItTouchesAnyWeight) {
  const ChangedModel wide("v32-f32", "index_head_dim", 1024);
  wide.remove_weights();
  expect_error([&] { load_engine(wide.path()); }, ErrorCode::kUnsupported,
               wide.path() + "/config.json: index_head_dim is 1024, at most 512 is supported");

  const ChangedModel short_context("v32-f32", "max_position_embeddings", 100);
  short_context.remove_weights();
  expect_error([&] { load_engine(short_context.path(), 101); }, ErrorCode::kInvalidArgument,
               "context: 1 to 100 tokens expected (the model's max_position_embeddings), got 101");

  const ChangedModel endless("v32-f32", "max_position_embeddings", int64_t{1} << 30);
  endless.remove_weights();
  EngineOptions reference;
  reference.forward.numerics = model::Numerics::kReference;  // keys and values in float32
  expect_error([&] { load_engine(endless.path(), 0, reference); }, ErrorCode::kOutOfMemory,
               "a context of 1073741824 tokens needs");
}

TEST(Engine, SaysHowMuchMemoryTheCacheWouldNeed) {
  const ChangedModel model("v32-f32", "max_position_embeddings", int64_t{1} << 30);
  expect_error([&] { load_engine(model.path()); }, ErrorCode::kOutOfMemory,
               "a context of 1073741824 tokens needs");
  EngineOptions options;
  options.cache_bytes = int64_t{1} << 50;
  expect_error([&] { load_engine(model.path(), 1000, options); }, ErrorCode::kOutOfMemory,
               "cache: 1024 TiB were asked for, a step needs");
  EXPECT_NO_THROW(load_engine(model.path(), 1000));
}

TEST(Engine, LoadingStopsInItsMiddleWhenCancelled) {
  base::CancelToken cancel;
  auto report = [&](int64_t done_bytes, int64_t total_bytes) {
    EXPECT_LT(done_bytes, total_bytes) << "nothing is done after the cancellation";
    cancel.cancel();
  };
  EngineOptions options;
  options.threads = 1;
  options.load = {.encoding = model::WeightEncoding::kInt8, .cancel = &cancel};
  expect_error([&] { (void)Engine::load(mini_model(), options, report); }, ErrorCode::kCancelled,
               "stopped on request");
  cancel.reset();
  EXPECT_NO_THROW(load_engine(mini_model(), 0, options));
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

TEST(Engine, AnAbandonedRequestLeavesNoEventAndNoPages) {
  static_assert(noexcept(std::declval<Engine&>().abandon(1)));
  const auto engine = load_engine(golden_model("v32-f32"));
  const RequestId id = engine->submit(make_request(random_prompt(20, 320, 7), 30));
  EXPECT_EQ(engine->step().size(), 1U);
  engine->abandon(id);
  engine->abandon(id);  // gone already
  EXPECT_FALSE(engine->has_work());
  EXPECT_EQ(engine->pages().held_pages() + engine->pages().reserved_pages(), 0);
}

TEST(Engine, ACancelTokenInsideAStepRollsTheStepBack) {
  EngineOptions options;
  options.threads = 2;
  const auto engine = load_engine(mini_model(), 1024, options);
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

}  // namespace
}  // namespace levin::runtime
