#include "serve/api/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/api/api_error.h"
#include "serve/api/encode_watch.h"

namespace levin::serve::api {

/// Throws ApiError unless the host takes the jobs.
void Dispatcher::require(EngineHost::Admission admission) const {
  switch (admission) {
    case EngineHost::Admission::kAccepted:
      return;
    case EngineHost::Admission::kQueueFull:
      throw ApiError(429, "the server is busy and its queue is full; try again later",
                     {.type = "", .param = "", .code = "queue_full"}, host_.retry_after_s());
    case EngineHost::Admission::kDraining:
      throw ApiError(503, "the server is shutting down; try another one or later",
                     {.type = "", .param = "", .code = "shutting_down"});
  }
}

void Dispatcher::check_open(const Caller& caller) const {
  require(host_.ask());
  check_limits(accounts_, caller);
}

text::EncodeWatch Dispatcher::prompt_watch(const http::Responder& responder) const {
  return watch_encoding(
      responder, model_.context_tokens - 1,
      fmt::format("the context of this model is {} tokens, and the prompt leaves no room in it; "
                  "shorten the prompt",
                  model_.context_tokens));
}

int64_t Dispatcher::answer_limit(int64_t prompt_tokens, std::optional<int64_t> asked,
                                 int64_t fallback) const {
  const int64_t room = model_.context_tokens - prompt_tokens;
  if (room < 1) {
    throw too_long(
        fmt::format("the context of this model is {} tokens, {} of them for prompts at most; the "
                    "prompt has {}; shorten it",
                    model_.context_tokens, model_.context_tokens - 1, prompt_tokens));
  }
  if (asked.value_or(0) > room) {
    throw too_long(
        fmt::format("the context of this model is {} tokens; the prompt has {} and max_tokens is "
                    "{}; shorten the prompt or lower max_tokens",
                    model_.context_tokens, prompt_tokens, *asked));
  }
  return std::clamp(asked.value_or(fallback), int64_t{1}, room);
}

void Dispatcher::dispatch(const Caller& caller, const std::shared_ptr<http::Responder>& responder,
                          ReplyOptions options, std::vector<PlannedAnswer> answers) {
  int64_t prompt_tokens = 0;
  int64_t max_new_tokens = 0;
  for (const PlannedAnswer& answer : answers) {
    prompt_tokens += static_cast<int64_t>(answer.request.prompt.size());
    max_new_tokens += answer.request.max_new_tokens;
  }
  options.choices = static_cast<int64_t>(answers.size());
  if (options.choices > host_.max_waiting()) {
    throw invalid_parameter("prompt", fmt::format("at most {} prompts in one request here, got {}",
                                                  host_.max_waiting(), options.choices));
  }
  options.key_name = caller.key.has_value() ? caller.key->name : std::string();
  const bool streams = options.streams;
  auto admission = admit(accounts_, caller, prompt_tokens, max_new_tokens, options.choices);
  const auto reply =
      std::make_shared<Reply>(responder, std::move(options), std::move(admission), services_);
  std::vector<std::shared_ptr<Job>> jobs;
  jobs.reserve(answers.size());
  for (PlannedAnswer& answer : answers) {
    const size_t held_bytes =
        answer.request.prompt.size() * sizeof(answer.request.prompt[0]) + answer.text_bytes;
    jobs.push_back(
        std::make_shared<AnswerJob>(AnswerJobOptions{.request = std::move(answer.request),
                                                     .held_bytes = held_bytes,
                                                     .prefix_salt = caller.prefix_salt,
                                                     .counts_answer = answer.counts_answer},
                                    model_, services_.metrics, std::move(answer.format), reply));
  }
  responder->expect_long_wait(streams ? http::LongWait::kEvents : http::LongWait::kBody,
                              kCostHeader);
  require(host_.submit(jobs));
}

}  // namespace levin::serve::api
