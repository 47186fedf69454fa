// Log-probabilities of the tokens of a prompt, which evaluations ask for.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/mini_model.h"
#include "runtime/engine.h"
#include "runtime/session.h"

namespace levin::runtime {
namespace {

class PromptLogprobsOnMini : public ::testing::Test {
 protected:
  PromptLogprobsOnMini() {
    EngineOptions options;
    options.threads = 1;
    options.context_tokens = 512;
    engine_ = Engine::load(levin::testing::mini_model(), options);
    prompt_.resize(300);  // three chunks of 128
    std::iota(prompt_.begin(), prompt_.end(), 10);
  }

  /// Runs one request and collects what it tells of its prompt.
  std::vector<SampledToken> scores(int32_t top_logprobs) {
    Request request;
    request.prompt = prompt_;
    request.max_new_tokens = 1;
    request.sampling.top_logprobs = top_logprobs;
    request.wants_prompt_logprobs = true;
    const RequestId id = engine_->submit(std::move(request));
    std::vector<SampledToken> collected;
    while (engine_->has_work()) {
      for (const TokenEvent& event : engine_->step()) {
        EXPECT_EQ(event.request, id);
        EXPECT_EQ(event.prompt_tokens_cached, 0);
        collected.insert(collected.end(), event.prompt_logprobs.begin(),
                         event.prompt_logprobs.end());
      }
    }
    return collected;
  }

  std::unique_ptr<Engine> engine_;
  std::vector<int32_t> prompt_;
};

TEST_F(PromptLogprobsOnMini, AreThoseOfTheLogitsOfTheWholePrompt) {
  const std::vector<SampledToken> scored = scores(2);
  Session session(*engine_, 512);
  const auto logits = session.append(prompt_, false, model::LogitsWanted::kAll).view();
  ASSERT_EQ(scored.size(), prompt_.size() - 1) << "nothing predicts the first token";
  for (size_t i = 0; i < scored.size(); ++i) {
    const float* row = logits.row(static_cast<int64_t>(i));
    double total = 0;
    for (int64_t token = 0; token < logits.extent(1); ++token) {
      total += std::exp(static_cast<double>(row[token]));
    }
    EXPECT_EQ(scored[i].token, prompt_[i + 1]);
    EXPECT_NEAR(scored[i].logprob, row[prompt_[i + 1]] - std::log(total), 1e-4);
    ASSERT_EQ(scored[i].top_logprobs.size(), 2U);
    EXPECT_GE(scored[i].top_logprobs[0].logprob, scored[i].logprob);
  }
}

TEST_F(PromptLogprobsOnMini, DoNotDependOnWhatTheCacheHolds) {
  const std::vector<SampledToken> first = scores(0);
  const std::vector<SampledToken> second = scores(0);
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].logprob, second[i].logprob);
  }
}

}  // namespace
}  // namespace levin::runtime
