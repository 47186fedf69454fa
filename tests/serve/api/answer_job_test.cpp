// What an answer does with the engine's events.
#include "serve/api/answer_job.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "serve/api/completion_format.h"
#include "service_fixture.h"

namespace levin::serve::api {
namespace {

TEST(AnswerJob, ARefusalOfTheEngineKeepsItsStatusWhereProgressIsAskedFor) {
  const ServedModel model = load_served_model({.model_dir = testing::mini_model(),
                                               .name = "mini",
                                               .context_tokens = 1024,
                                               .is_sparse = true});
  Metrics metrics;
  Worker worker;
  const ReplyServices services{.worker = worker, .metrics = metrics, .prices = {}};
  const auto responder = std::make_shared<testing::RecordingResponder>();
  ReplyOptions options;
  options.streams = true;
  options.include_progress = true;
  AnswerJobOptions wanted;
  wanted.request.prompt = {1, 2, 3};
  wanted.request.max_new_tokens = 1;
  AnswerJob job(std::move(wanted), model, metrics,
                std::make_unique<CompletionFormat>(CompletionFormatOptions{}, model),
                std::make_shared<Reply>(responder, std::move(options), nullptr, services));
  runtime::TokenEvent refusal;
  refusal.finish = runtime::FinishReason::kError;
  refusal.error = "the cache has no room for this request";
  refusal.error_code = base::ErrorCode::kOutOfMemory;
  EXPECT_EQ(job.on_event(refusal), Wish::kCancel);
  responder->wait();
  EXPECT_EQ(responder->status(), 503);
  EXPECT_EQ(responder->json()["error"]["message"], refusal.error);
}

}  // namespace
}  // namespace levin::serve::api
