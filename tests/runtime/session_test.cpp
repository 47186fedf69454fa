#include "runtime/session.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine_helpers.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

using base::ErrorCode;
using testing::expect_error;
using testing::golden_model;
using testing::load_engine;
using testing::mini_model;
using testing::random_prompt;

std::vector<float> to_vector(const tensor::Tensor<float, 2>& logits) {
  const auto view = logits.view();
  return {view.data(), view.data() + view.size()};
}

TEST(Session, ChunksOfAnyLengthGiveEqualBits) {
  const auto engine = load_engine(golden_model("v32-fp8"));
  const std::vector<int32_t> tokens = random_prompt(100, engine->config().vocab_size, 1);
  Session whole(*engine, 100);
  const std::vector<float> expected =
      to_vector(whole.append(tokens, false, model::LogitsWanted::kAll));
  EXPECT_EQ(whole.tokens(), 100);
  whole.truncate(0);
  std::vector<float> pieces;
  for (size_t begin = 0; begin < tokens.size(); begin += 7) {
    const auto chunk = std::span(tokens).subspan(begin, std::min<size_t>(7, tokens.size() - begin));
    const auto rows = to_vector(whole.append(chunk, false, model::LogitsWanted::kAll));
    pieces.insert(pieces.end(), rows.begin(), rows.end());
  }
  EXPECT_EQ(pieces, expected);
}

TEST(Session, TruncateForgetsWhatCameAfter) {
  const auto engine = load_engine(golden_model("v32-f32"));
  const std::vector<int32_t> tokens = random_prompt(90, 320, 2);
  Session session(*engine, 128);
  const auto expected = to_vector(session.append(tokens, false, model::LogitsWanted::kLast));
  (void)session.append(random_prompt(30, 320, 3), false, model::LogitsWanted::kNone);
  session.truncate(50);
  EXPECT_EQ(session.tokens(), 50);
  EXPECT_EQ(
      to_vector(session.append(std::span(tokens).subspan(50), false, model::LogitsWanted::kLast)),
      expected);
}

TEST(Session, RefusesWhatDoesNotFit) {
  EngineOptions options;
  const auto engine = load_engine(golden_model("v32-f32"));
  expect_error([&] { Session(*engine, 0); }, ErrorCode::kContextTooLong, "1 to 128 tokens");
  expect_error([&] { Session(*engine, 129); }, ErrorCode::kContextTooLong, "got 129");
  Session session(*engine, 70);
  expect_error([&] { Session(*engine, 10); }, ErrorCode::kOutOfMemory,
               "10 tokens need 1 pages of cache, 0 of 2 are not in use");
  const std::vector<int32_t> tokens = random_prompt(71, 320, 4);
  expect_error([&] { (void)session.append(tokens, false, model::LogitsWanted::kNone); },
               ErrorCode::kContextTooLong, "71 tokens do not fit behind 0 others");
  expect_error([&] { (void)session.append({}, false, model::LogitsWanted::kNone); },
               ErrorCode::kInvalidArgument, "at least one token");
  expect_error(
      [&] { (void)session.append(std::span(tokens).first(2), true, model::LogitsWanted::kLast); },
      ErrorCode::kInvalidArgument, "one token a decode step");
  expect_error([&] { session.fill_random(71, 1); }, ErrorCode::kContextTooLong, "do not fit");
  expect_error([&] { session.truncate(1); }, ErrorCode::kInvalidArgument, "0 to 0 tokens");
  EXPECT_EQ(session.tokens(), 0);
}

TEST(Session, GivesItsPagesBack) {
  const auto engine = load_engine(golden_model("v32-f32"));
  { Session session(*engine, 128); }
  EXPECT_EQ(engine->pages().available_pages(), engine->pages().capacity_pages());
}

TEST(Session, ACancelledAppendChangesNothing) {
  const auto engine = load_engine(mini_model(), 512);
  const std::vector<int32_t> tokens = random_prompt(150, 4000, 5);
  Session session(*engine, 512);
  const auto expected = to_vector(session.append(tokens, false, model::LogitsWanted::kLast));
  session.truncate(0);
  base::CancelToken token;
  engine->set_cancel(&token);
  token.cancel();
  expect_error([&] { (void)session.append(tokens, false, model::LogitsWanted::kLast); },
               ErrorCode::kCancelled, "stopped");
  EXPECT_EQ(session.tokens(), 0);
  token.reset();
  EXPECT_EQ(to_vector(session.append(tokens, false, model::LogitsWanted::kLast)), expected);
  engine->set_cancel(nullptr);
}

TEST(Session, ASparseDecodeStepReadsItsSelectionOnly) {
  const auto engine = load_engine(mini_model(), 4096);
  Session session(*engine, 4096);
  session.fill_random(4000, 7);
  const int32_t token = 5;
  (void)session.append({&token, 1}, true, model::LogitsWanted::kLast);
  const model::Config& config = engine->config();
  EXPECT_EQ(session.last_step().latent_rows_read,
            config.indexer.index_topk * config.num_hidden_layers);
  EXPECT_EQ(session.last_step().visible_rows, 4001 * config.num_hidden_layers);
}

TEST(Session, RandomRowsGiveFiniteLogitsThatDependOnTheSeed) {
  for (const auto numerics : {model::Numerics::kFast, model::Numerics::kReference}) {
    EngineOptions options;
    options.forward.numerics = numerics;
    const auto engine = load_engine(mini_model(), 300, options);
    std::vector<std::vector<float>> logits;
    for (const uint64_t seed : {1U, 1U, 2U}) {
      Session session(*engine, 300);
      session.fill_random(150, seed);
      session.fill_random(140, seed);  // from the middle of a page on
      const int32_t token = 5;
      logits.push_back(to_vector(session.append({&token, 1}, true, model::LogitsWanted::kLast)));
    }
    for (const float logit : logits[0]) {
      ASSERT_TRUE(std::isfinite(logit));
    }
    EXPECT_EQ(logits[0], logits[1]);
    EXPECT_NE(logits[0], logits[2]);
  }
}

}  // namespace
}  // namespace levin::runtime
