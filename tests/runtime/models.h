// Small checkpoints for tests that need a whole engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "runtime/engine.h"

namespace levin::runtime::testing {

/// A random model that DeepSeek's official code was run with: context 128, vocabulary 320.
inline std::string golden_model(const std::string& name) {
  return std::string(LEVIN_TEST_DATA) + "/golden/" + name;
}

/// The trained stand-in model: context 4096, vocabulary 4096, index_topk 128.
inline std::string mini_model() { return std::string(LEVIN_SOURCE_DIR) + "/models/mini"; }

inline std::unique_ptr<Engine> load_engine(const std::string& model_dir, int64_t context_tokens = 0,
                                           EngineOptions options = {}) {
  options.threads = 2;
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

}  // namespace levin::runtime::testing
