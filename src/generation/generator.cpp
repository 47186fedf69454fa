#include "generation/generator.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/error.h"

namespace levin::generation {
namespace {

using runtime::FinishReason;
using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

model::StepStats difference(const model::StepStats& after, const model::StepStats& before) {
  model::StepStats rows = after;
  rows.latent_rows_read -= before.latent_rows_read;
  rows.visible_rows -= before.visible_rows;
  rows.index_keys_scored -= before.index_keys_scored;
  rows.index_keys_selected -= before.index_keys_selected;
  return rows;
}

/// Steps the engine; when its cancel token fires, the request ends like one that was cancelled.
std::vector<runtime::TokenEvent> step_or_cancel(runtime::Engine& engine,
                                                runtime::RequestId request) {
  try {
    return engine.step();
  } catch (const base::Error& error) {
    if (error.code() != base::ErrorCode::kCancelled) {
      throw;
    }
    engine.cancel(request);
    return {};
  }
}

/// Takes a request out that is still on its way when an exception passes (thrown by on_delta).
class AbandonOnExit {
 public:
  AbandonOnExit(runtime::Engine& engine, runtime::RequestId request)
      : engine_(engine), request_(request) {}
  ~AbandonOnExit() { engine_.abandon(request_); }
  AbandonOnExit(const AbandonOnExit&) = delete;
  AbandonOnExit& operator=(const AbandonOnExit&) = delete;

 private:
  runtime::Engine& engine_;
  runtime::RequestId request_;
};

}  // namespace

double GenerationResult::prefill_tokens_per_s() const noexcept {
  const auto computed = static_cast<double>(prompt_tokens - cached_prompt_tokens);
  return time_to_first_token_s > 0 ? computed / time_to_first_token_s : 0;
}

double GenerationResult::decode_tokens_per_s() const noexcept {
  return decode_s > 0 ? static_cast<double>(tokens.size() - 1) / decode_s : 0;
}

double GenerationResult::share_of_context_read() const noexcept {
  return rows.visible_rows > 0
             ? static_cast<double>(rows.latent_rows_read) / static_cast<double>(rows.visible_rows)
             : 0;
}

std::vector<int32_t> end_token_ids(const model::Config& config, const text::Tokenizer* tokenizer) {
  std::vector<int32_t> ids(config.eos_token_ids.begin(), config.eos_token_ids.end());
  if (tokenizer != nullptr && tokenizer->eos_id().has_value() &&
      std::ranges::find(ids, *tokenizer->eos_id()) == ids.end()) {
    ids.push_back(*tokenizer->eos_id());
  }
  return ids;
}

std::optional<runtime::TokenMask> known_token_mask(const text::Tokenizer& tokenizer,
                                                   int64_t vocab_size) {
  runtime::TokenMask mask(vocab_size);
  bool is_complete = true;
  for (int64_t id = 0; id < vocab_size; ++id) {
    if (tokenizer.is_known(static_cast<int32_t>(id))) {
      mask.allow(static_cast<int32_t>(id));
    } else {
      is_complete = false;
    }
  }
  return is_complete ? std::nullopt : std::optional(std::move(mask));
}

runtime::Request to_engine_request(const GenerationRequest& request, const model::Config& config,
                                   const text::Tokenizer* tokenizer) {
  runtime::Request engine_request;
  engine_request.prompt = request.prompt;
  engine_request.sampling = request.sampling;
  engine_request.max_new_tokens = request.max_new_tokens;
  engine_request.stop_token_ids =
      request.ignore_eos ? std::vector<int32_t>{} : end_token_ids(config, tokenizer);
  engine_request.wants_experts = request.wants_experts;
  engine_request.wants_prompt_logprobs = request.wants_prompt_logprobs;
  engine_request.is_dense = request.is_dense;
  engine_request.constraint = request.constraint;
  if (!request.constraint && tokenizer != nullptr) {
    if (auto mask = known_token_mask(*tokenizer, config.vocab_size)) {
      // Shared, because std::function is copied: the mask is one for all copies.
      engine_request.constraint =
          [known = std::make_shared<const runtime::TokenMask>(*std::move(mask))](
              const std::vector<int32_t>& /*generated*/) { return known.get(); };
    }
  }
  return engine_request;
}

AnswerOptions to_answer_options(const GenerationRequest& request, const model::Config& config,
                                const text::Tokenizer* tokenizer) {
  AnswerOptions options;
  options.stop = request.stop;
  options.skip_special = request.skip_special;
  if (!request.ignore_eos) {
    options.stop_token_ids = end_token_ids(config, tokenizer);
  }
  return options;
}

GenerationResult generate(runtime::Engine& engine, const text::Tokenizer* tokenizer,
                          const GenerationRequest& request, OnDelta on_delta) {
  AnswerStream answer(tokenizer, to_answer_options(request, engine.config(), tokenizer));
  GenerationResult result;
  result.prompt_tokens = static_cast<int64_t>(request.prompt.size());
  const model::StepStats rows_before = engine.stats().rows;
  const Clock::time_point start = Clock::now();
  Clock::time_point first_token = start;
  const runtime::RequestId id =
      engine.submit(to_engine_request(request, engine.config(), tokenizer));
  const AbandonOnExit guard(engine, id);
  while (engine.has_work()) {
    for (const runtime::TokenEvent& event : step_or_cancel(engine, id)) {
      if (event.request != id || answer.finish().has_value()) {
        continue;
      }
      const Delta delta = answer.take(event);
      result.cached_prompt_tokens = delta.prompt_tokens_cached;
      result.restored_prompt_tokens = delta.prompt_tokens_restored;
      if (delta.token.has_value()) {
        const Clock::time_point now = Clock::now();
        if (answer.tokens().size() == 1) {
          first_token = now;
          result.time_to_first_token_s = seconds_between(start, now);
        }
        result.decode_s = seconds_between(first_token, now);
      }
      if (!on_delta(delta) || answer.has_stopped()) {
        engine.cancel(id);
      }
    }
  }
  result.text = answer.text();
  result.tokens = answer.tokens();
  result.finish = answer.finish().value_or(FinishReason::kCancelled);
  result.error = answer.error();
  result.error_code = answer.error_code();
  result.stop_string = answer.stop_string();
  result.rows = difference(engine.stats().rows, rows_before);
  return result;
}

}  // namespace levin::generation
