// Dense requests on a model that reads selections: each gets what an engine that attends densely
// would have answered, whatever runs beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine_helpers.h"
#include "formats/temporary_folder.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

using levin::testing::TemporaryFolder;
using testing::golden_model;
using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::run_all;
using testing::run_alone;

/// models/mini, which selects 256 tokens, with a context of 1024.
std::unique_ptr<Engine> load_mini(const EngineOptions& options = {}) {
  return load_engine(mini_model(), 1024, options);
}

EngineOptions attending_densely() {
  EngineOptions options;
  options.forward.attention = model::AttentionMode::kDense;
  return options;
}

Request dense(Request request) {
  request.is_dense = true;
  return request;
}

/// Prompts of several lengths below and beyond the selection.
std::vector<Request> some_requests() {
  std::vector<Request> requests;
  for (const int64_t prompt_tokens : {700, 90, 300, 129}) {
    const auto seed = static_cast<uint64_t>(prompt_tokens);
    requests.push_back(make_request(random_prompt(prompt_tokens, 4000, seed), 12, 1.0, seed));
  }
  return requests;
}

TEST(EngineDense, ADenseRequestEqualsAnEngineThatAttendsDensely) {
  const auto dense_engine = load_mini(attending_densely());
  const auto engine = load_mini();
  const Request request = make_request(random_prompt(700, 4000, 1), 12);
  const Outcome expected = run_alone(*dense_engine, request);
  EXPECT_EQ(run_alone(*engine, dense(request)), expected);
  EXPECT_FALSE(run_alone(*engine, request) == expected) << "the selection leaves something out";
}

TEST(EngineDense, ReadsEveryRowAndScoresNoKey) {
  const auto engine = load_mini();
  (void)run_alone(*engine, dense(make_request(random_prompt(700, 4000, 2), 5)));
  const model::StepStats rows = engine->stats().rows;
  EXPECT_GT(rows.visible_rows, 0);
  EXPECT_EQ(rows.latent_rows_read, rows.visible_rows);
  EXPECT_EQ(rows.index_keys_scored, 0);
  EXPECT_EQ(rows.index_keys_selected, 0);
}

TEST(EngineDense, DenseAndSparseInOneStepGetTheBitsTheyGetAlone) {
  std::vector<Outcome> alone;
  std::vector<Request> requests;
  {
    const auto dense_engine = load_mini(attending_densely());
    const auto sparse_engine = load_mini();
    for (const Request& request : some_requests()) {
      alone.push_back(run_alone(*sparse_engine, request));
      requests.push_back(request);
      alone.push_back(run_alone(*dense_engine, request));
      requests.push_back(dense(request));
    }
  }
  for (const int threads : {1, 2}) {
    EngineOptions options;
    options.threads = threads;
    options.chunk_tokens = 200;
    options.most_contexts = 8;
    const auto engine = load_mini(options);
    std::vector<RequestId> ids;
    for (const Request& request : requests) {
      ids.push_back(engine->submit(request));
    }
    const auto outcomes = run_all(*engine);
    for (size_t i = 0; i < ids.size(); ++i) {
      EXPECT_EQ(outcomes.at(ids[i]), alone[i]) << "request " << i << ", " << threads << " threads";
    }
  }
}

TEST(EngineDense, DenseAndSparseRequestsShareNoPrefixes) {
  const auto engine = load_mini();
  const Request request = make_request(random_prompt(500, 4000, 3), 6);
  const Outcome sparse_answer = run_alone(*engine, request);
  const Outcome dense_answer = run_alone(*engine, dense(request));
  EXPECT_EQ(dense_answer.cached_tokens, 0);
  const Outcome sparse_again = run_alone(*engine, request);
  const Outcome dense_again = run_alone(*engine, dense(request));
  EXPECT_EQ(sparse_again.cached_tokens, 448);
  EXPECT_EQ(dense_again.cached_tokens, 448) << "each finds its own";
  EXPECT_EQ(sparse_again, sparse_answer);
  EXPECT_EQ(dense_again, dense_answer);
}

TEST(EngineDense, DensePrefixesOutliveTheProcessToo) {
  const TemporaryFolder folder;
  EngineOptions options;
  options.disk_cache_dir = folder.path();
  const Request request = make_request(random_prompt(500, 4000, 4), 6);
  const auto in_new_engine = [&](const Request& asked) {
    return run_alone(*load_mini(options), asked);
  };
  const Outcome answer = in_new_engine(dense(request));
  EXPECT_EQ(in_new_engine(request).cached_tokens, 0);
  const Outcome restored = in_new_engine(dense(request));
  EXPECT_EQ(restored.cached_tokens, 448);
  EXPECT_EQ(restored, answer);
}

TEST(EngineDense, OnADenseModelAllRequestsAreAlike) {
  const auto engine = load_engine(golden_model("v3-dense"));
  const Request request = make_request(random_prompt(100, 320, 5), 4);
  const Outcome answer = run_alone(*engine, request);
  const Outcome asked_densely = run_alone(*engine, dense(request));
  EXPECT_EQ(asked_densely, answer);
  EXPECT_EQ(asked_densely.cached_tokens, 64) << "their prefixes are the same";
}

TEST(EngineDense, HoldsUnderReferenceNumericsAndContentFreeRules) {
  EngineOptions reference;
  reference.forward.numerics = model::Numerics::kReference;
  EngineOptions recency;
  recency.forward.selection = {.kind = model::SelectionKind::kRecency, .budget = 16};
  for (EngineOptions options : {reference, recency}) {
    const Request request = make_request(random_prompt(100, 320, 6), 6);
    const auto engine = load_engine(golden_model("v32-f32"), 0, options);
    const RequestId sparse_id = engine->submit(request);
    const RequestId dense_id = engine->submit(dense(request));
    const auto outcomes = run_all(*engine);
    options.forward.attention = model::AttentionMode::kDense;
    options.forward.selection = {};
    const Outcome expected = run_alone(*load_engine(golden_model("v32-f32"), 0, options), request);
    EXPECT_EQ(outcomes.at(dense_id), expected);
    EXPECT_FALSE(outcomes.at(sparse_id) == expected);
  }
}

}  // namespace
}  // namespace levin::runtime
