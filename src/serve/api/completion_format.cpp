#include "serve/api/completion_format.h"

#include <utility>

namespace levin::serve::api {

CompletionFormat::CompletionFormat(CompletionFormatOptions options, const ServedModel& model)
    : options_(std::move(options)), token_queue_(model.tokenizer), logprobs_(model.tokenizer) {
  if (options_.echoes) {
    text_ = options_.prompt_text;
    if (options_.wants_logprobs) {
      logprobs_.add_first(options_.first_prompt_token, options_.echoes_first_token);
    }
  }
}

void CompletionFormat::take(const generation::Delta& delta, Reply& reply) {
  if (options_.wants_logprobs && options_.echoes) {
    for (const runtime::SampledToken& token : delta.prompt_logprobs) {
      logprobs_.add(token);
    }
  }
  if (!options_.drops_answer) {
    text_ += delta.text;
    for (const runtime::SampledToken& token : token_queue_.take(delta)) {
      if (options_.wants_logprobs) {
        logprobs_.add(token);
      }
    }
  }
  if (reply.streams() && delta.token.has_value() && !text_.empty()) {
    Json choice = take_choice();
    choice["finish_reason"] = nullptr;
    reply.write_choice(std::move(choice));
  }
}

Json CompletionFormat::end(const std::string& reason, Reply& /*reply*/) {
  Json choice = take_choice();
  choice["finish_reason"] = reason;
  return choice;
}

Json CompletionFormat::take_choice() {
  Json choice = {{"index", options_.index}, {"text", std::exchange(text_, {})}};
  choice["logprobs"] = nullptr;
  if (options_.wants_logprobs) {
    choice["logprobs"] = logprobs_.take();
  }
  return choice;
}

}  // namespace levin::serve::api
