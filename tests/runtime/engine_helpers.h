// Small checkpoints and short loops for tests that need a whole engine.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/expect_error.h"
#include "base/mini_model.h"
#include "base/random.h"
#include "runtime/engine.h"

namespace levin::runtime::testing {

using levin::testing::expect_error;
using levin::testing::mini_model;

/// A random model that DeepSeek's official code was run with: context 128, vocabulary 320.
inline std::string golden_model(const std::string& name) {
  return std::string(LEVIN_TEST_DATA) + "/golden/" + name;
}

inline std::unique_ptr<Engine> load_engine(const std::string& model_dir, int64_t context_tokens = 0,
                                           EngineOptions options = {}) {
  options.threads = options.threads > 0 ? options.threads : 1;
  options.context_tokens = context_tokens;
  return Engine::load(model_dir, options);
}

/// Arbitrary but fixed ids in [2, vocab_size): no BOS, no EOS.
inline std::vector<int32_t> random_prompt(int64_t tokens, int64_t vocab_size, uint64_t seed) {
  std::vector<int32_t> prompt;
  for (int64_t i = 0; i < tokens; ++i) {
    const uint64_t bits = base::random_bits(seed, static_cast<uint64_t>(i));
    prompt.push_back(static_cast<int32_t>(2 + bits % static_cast<uint64_t>(vocab_size - 2)));
  }
  return prompt;
}

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

inline void record(const std::vector<TokenEvent>& events, std::map<RequestId, Outcome>& outcomes) {
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

inline std::map<RequestId, Outcome> run_all(Engine& engine) {
  std::map<RequestId, Outcome> outcomes;
  while (engine.has_work()) {
    record(engine.step(), outcomes);
  }
  return outcomes;
}

inline Request make_request(std::vector<int32_t> prompt, int64_t max_new_tokens,
                            double temperature = 0.0, uint64_t seed = 0) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_new_tokens = max_new_tokens;
  request.sampling.temperature = temperature;
  request.sampling.seed = seed;
  return request;
}

inline Outcome run_alone(Engine& engine, Request request) {
  const RequestId id = engine.submit(std::move(request));
  return run_all(engine).at(id);
}

}  // namespace levin::runtime::testing
