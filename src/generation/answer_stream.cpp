#include "generation/answer_stream.h"

#include <algorithm>

#include "base/error.h"

namespace levin::generation {

using runtime::FinishReason;

AnswerStream::AnswerStream(const text::Tokenizer* tokenizer, const AnswerOptions& options)
    : stops_(options.stop), stop_token_ids_(options.stop_token_ids) {
  if (tokenizer != nullptr) {
    detokenizer_.emplace(*tokenizer, options.skip_special);
  } else if (!options.stop.empty()) {
    throw base::Error(base::ErrorCode::kInvalidArgument,
                      "stop strings need a tokenizer, the model has none", "stop");
  }
}

Delta AnswerStream::take(const runtime::TokenEvent& event) {
  Delta delta;
  delta.prompt_tokens_done = event.prompt_tokens_done;
  delta.prompt_tokens_cached = event.prompt_tokens_cached;
  delta.prompt_tokens_restored = event.prompt_tokens_restored;
  if (has_stopped() || finish_.has_value()) {
    return delta;
  }
  delta.prompt_logprobs = event.prompt_logprobs;
  if (event.token.has_value()) {
    delta.token = event.token;
    delta.expert_ids = event.expert_ids;
    tokens_.push_back(event.token->token);
    if (detokenizer_.has_value() && !is_stop_token(event.token->token)) {
      delta.text = stops_.push(detokenizer_->push(event.token->token));
    }
  }
  if (event.finish.has_value() && !has_stopped()) {
    if (detokenizer_.has_value()) {
      delta.text += stops_.push(detokenizer_->flush());
    }
    delta.text += stops_.flush();
    finish_ = event.finish;
    error_ = event.error;
    error_code_ = event.error_code;
  }
  if (has_stopped()) {
    finish_ = FinishReason::kStop;
  }
  text_ += delta.text;
  return delta;
}

bool AnswerStream::is_stop_token(int32_t token) const {
  return std::ranges::find(stop_token_ids_, token) != stop_token_ids_.end();
}

}  // namespace levin::generation
