#include "serve/api/completion_format.h"

#include <utility>

namespace levin::serve::api {

CompletionFormat::CompletionFormat(CompletionFormatOptions options, const ServedModel& model)
    : options_(std::move(options)),
      stops_(std::exchange(options_.stop, {})),
      logprobs_(model.tokenizer) {
  if (options_.echoes) {
    text_ = std::exchange(options_.prompt_text, {});
    if (options_.wants_logprobs) {
      logprobs_.add_first(options_.first_prompt_token, options_.echoes_first_token);
    }
  }
}

void CompletionFormat::take(const generation::Delta& delta, Reply& reply) {
  if (options_.wants_logprobs && options_.echoes) {
    for (const runtime::SampledToken& token : delta.prompt_logprobs) {
      logprobs_.add_prompt(token);
    }
  }
  if (!options_.drops_answer) {
    const std::string text = stops_.push(delta.text);
    text_ += text;
    if (options_.wants_logprobs) {
      token_queue_.push(delta);
      tell(token_queue_.release(text.size()));
    }
  }
  if (reply.streams() && delta.token.has_value() && !text_.empty()) {
    Choice choice = take_choice(reply);
    choice.json["finish_reason"] = nullptr;
    reply.write_choice(choice);
  }
}

Choice CompletionFormat::end(const std::string& reason, Reply& reply) {
  text_ += stops_.flush();
  // What harnesses count on: an entry for each token, also for EOS and others without a text.
  if (!stops_.has_matched()) {
    tell(token_queue_.release_all());
  }
  Choice choice = take_choice(reply);
  choice.json["finish_reason"] = stops_.has_matched() ? "stop" : reason;
  return choice;
}

void CompletionFormat::tell(const std::vector<TextToken>& tokens) {
  for (const TextToken& token : tokens) {
    logprobs_.add(token);
  }
}

Choice CompletionFormat::take_choice(const Reply& reply) {
  Choice choice;
  choice.json = {{"index", options_.index}, {"text", std::exchange(text_, {})}};
  if (options_.wants_logprobs && !(reply.streams() && logprobs_.is_empty())) {
    choice.logprobs = logprobs_.take();
  }
  return choice;
}

}  // namespace levin::serve::api
