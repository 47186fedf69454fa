#include "serve/api/answer_job.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace levin::serve::api {
namespace {

using runtime::FinishReason;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The mask of known tokens is made once for all requests.
generation::GenerationRequest with_known_tokens(generation::GenerationRequest request,
                                                const ServedModel& model) {
  if (!request.constraint && model.known_tokens != nullptr) {
    request.constraint = [known = model.known_tokens](const std::vector<int32_t>& /*generated*/) {
      return known.get();
    };
  }
  return request;
}

std::string reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    default:
      return "insufficient_system_resource";
  }
}

}  // namespace

AnswerJob::AnswerJob(AnswerJobOptions options, const ServedModel& model, Metrics& metrics,
                     std::unique_ptr<AnswerWriter> format, std::shared_ptr<Reply> reply)
    : metrics_(metrics),
      held_bytes_(options.held_bytes),
      prompt_tokens_(static_cast<int64_t>(options.request.prompt.size())),
      index_topk_(model.is_sparse && !options.request.is_dense ? model.config.indexer.index_topk
                                                               : 0),
      counts_answer_(options.counts_answer),
      stream_(&model.tokenizer,
              generation::to_answer_options(options.request, model.config, &model.tokenizer)),
      format_(std::move(format)),
      reply_(std::move(reply)),
      arrived_(reply_->arrived()) {
  request_ = generation::to_engine_request(with_known_tokens(std::move(options.request), model),
                                           model.config, &model.tokenizer);
  request_.prefix_salt = options.prefix_salt;
}

runtime::Request AnswerJob::take_request() { return std::move(request_); }

Wish AnswerJob::on_event(const runtime::TokenEvent& event) {
  if (has_ended_) {
    return Wish::kGoOn;
  }
  const generation::Delta delta = stream_.take(event);
  if (delta.token.has_value()) {
    note_token(Clock::now());
  }
  const bool is_refused = event.finish == FinishReason::kError;  // a status of its own, no stream
  if (!is_refused && event.prompt_tokens_done != reported_prompt_tokens_) {
    reported_prompt_tokens_ = event.prompt_tokens_done;
    reply_->write_progress(event.prompt_tokens_done, prompt_tokens_);
  }
  if (stream_.finish() != FinishReason::kError) {
    format_->take(delta, *reply_);
  }
  if (!stream_.finish().has_value() && !format_->has_stopped()) {
    return Wish::kGoOn;
  }
  end(event);
  return Wish::kCancel;  // a stop string has ended it; the engine would go on
}

Wish AnswerJob::on_tick(Clock::time_point now) {
  return has_ended_ ? Wish::kCancel : reply_->flow(now);
}

void AnswerJob::note_token(Clock::time_point now) {
  if (stream_.tokens().size() == 1) {
    first_token_ = now;
    metrics_.observe_first_token(seconds_between(arrived_, now));
  } else {
    metrics_.observe_token_gap(seconds_between(last_token_, now));
  }
  last_token_ = now;
}

void AnswerJob::end(const runtime::TokenEvent& event) {
  has_ended_ = true;
  if (stream_.finish() == FinishReason::kError) {
    reply_->fail_choice(base::Error(stream_.error_code(), stream_.error()), spending(event));
  } else {
    const Choice choice =
        format_->end(reason_name(stream_.finish().value_or(FinishReason::kStop)), *reply_);
    reply_->end_choice(choice, spending(event));
  }
  reply_.reset();
}

Spending AnswerJob::spending(const runtime::TokenEvent& event) const {
  Spending spent;
  const auto generated = static_cast<int64_t>(stream_.tokens().size());
  // Of a request that was cut short, what was read of its prompt.
  spent.prompt_tokens = generated > 0 ? prompt_tokens_ : event.prompt_tokens_done;
  spent.cached_tokens = event.prompt_tokens_cached;
  spent.completion_tokens = counts_answer_ ? generated : 0;
  spent.reasoning_tokens = format_->reasoning_tokens();
  // The last token of the answer is drawn and never fed back.
  count_rows(spent.cached_tokens, spent.prompt_tokens + std::max<int64_t>(0, generated - 1),
             index_topk_, spent);
  if (generated > 0) {
    spent.first_token_s = seconds_between(arrived_, first_token_);
    spent.decode_s = seconds_between(first_token_, last_token_);
    spent.decode_tokens = generated - 1;
  }
  return spent;
}

}  // namespace levin::serve::api
