// Shared prefixes save work and change no answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

#include "engine_helpers.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"

namespace levin::runtime {
namespace {

using testing::load_engine;
using testing::make_request;
using testing::mini_model;
using testing::Outcome;
using testing::random_prompt;
using testing::run_all;
using testing::run_alone;

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

TEST(Engine, PromptsAboutOneDocumentReadInOneStepAnswerAsAlone) {
  EngineOptions options;
  options.forward.attention = model::AttentionMode::kDense;  // what they share is expanded once
  options.most_contexts = 4;
  const auto sharing = load_engine(mini_model(), 1024, options);
  options.share_prefixes = false;
  const auto plain = load_engine(mini_model(), 1024, options);
  const std::vector<int32_t> document = random_prompt(620, 4000, 4);
  (void)run_alone(*sharing, make_request(document, 1));
  std::map<RequestId, Outcome> expected;
  for (uint64_t i = 0; i < 3; ++i) {
    std::vector<int32_t> prompt = document;
    const std::vector<int32_t> question = random_prompt(10 + 90 * static_cast<int64_t>(i), 4000, i);
    prompt.insert(prompt.end(), question.begin(), question.end());
    expected[sharing->submit(make_request(prompt, 4))] = run_alone(*plain, make_request(prompt, 4));
  }
  const int64_t steps = sharing->stats().steps;
  const auto outcomes = run_all(*sharing);
  EXPECT_EQ(outcomes, expected);
  EXPECT_EQ(sharing->stats().steps - steps, 4) << "all prompts in the first step";
  for (const auto& [id, outcome] : outcomes) {
    EXPECT_EQ(outcome.cached_tokens, 576);
  }
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

}  // namespace
}  // namespace levin::runtime
