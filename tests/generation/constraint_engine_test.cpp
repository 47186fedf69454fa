// Constraints in the engine: many answers of one step, each in its own form.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mini_model.h"
#include "constraint_sampling.h"
#include "json_validator.h"
#include "random_schema.h"
#include "runtime/engine.h"
#include "runtime/page_pool.h"

namespace levin::generation {
namespace {

constexpr int kSchemas = 1000;
constexpr int kAtOnce = 20;
constexpr int64_t kMaxNewTokens = 200;

struct Running {
  std::string schema;
  std::vector<int32_t> tokens;
};

class ConstraintOnEngineSlow : public ::testing::Test {
 protected:
  ConstraintOnEngineSlow() {
    runtime::EngineOptions options;
    options.threads = 2;
    options.context_tokens = 256;
    const std::string folder = levin::testing::mini_model();
    engine_ = runtime::Engine::load(folder, options);
    options.cache_bytes = engine_->pages().page_bytes() * kAtOnce * 256 / 64;
    engine_ = runtime::Engine::load(folder, options);
    vocabulary_ = std::make_shared<const ConstraintVocabulary>(
        small_tokenizer(), engine_->config().vocab_size,
        std::vector<int32_t>{*small_tokenizer().eos_id()});
  }

  void submit(uint64_t seed) {
    Running running;
    running.schema = random_schema(seed).dump();
    runtime::Request request;
    request.prompt = {*small_tokenizer().bos_id()};
    // So hot that the weights hardly matter: every allowed token is about as likely as another.
    request.sampling.temperature = 100.0;
    request.sampling.seed = seed;
    request.max_new_tokens = kMaxNewTokens;
    request.stop_token_ids = vocabulary_->end_token_ids;
    request.constraint = schema_constraint(vocabulary_, running.schema);
    running_.emplace(engine_->submit(std::move(request)), std::move(running));
  }

  /// Takes an event; counts answers that ended by themselves and checks them.
  void take(const runtime::TokenEvent& event) {
    Running& running = running_.at(event.request);
    if (event.token.has_value()) {
      running.tokens.push_back(event.token->token);
    }
    if (!event.finish.has_value()) {
      return;
    }
    ASSERT_NE(*event.finish, runtime::FinishReason::kError) << event.error;
    if (*event.finish == runtime::FinishReason::kStop) {
      ++ended_;
      const std::string text = small_tokenizer().decode(running.tokens, true);
      EXPECT_EQ(misfit_of_text(text, nlohmann::json::parse(running.schema)), "")
          << text << " for " << running.schema;
    }
    running_.erase(event.request);
  }

  std::unique_ptr<runtime::Engine> engine_;
  std::shared_ptr<const ConstraintVocabulary> vocabulary_;
  std::map<runtime::RequestId, Running> running_;
  int ended_ = 0;
};

TEST_F(ConstraintOnEngineSlow, EveryAnswerThatEndsFitsItsSchema) {
  int submitted = 0;
  while (submitted < kSchemas || engine_->has_work()) {
    while (submitted < kSchemas && running_.size() < kAtOnce) {
      submit(static_cast<uint64_t>(submitted++));
    }
    for (const runtime::TokenEvent& event : engine_->step()) {
      take(event);
    }
  }
  EXPECT_GT(ended_, kSchemas / 3);
  RecordProperty("ended", ended_);
}

}  // namespace
}  // namespace levin::generation
