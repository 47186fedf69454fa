#include "runtime/session.h"

#include <memory>

#include "base/error.h"
#include "runtime/page_pool.h"
#include "runtime/page_table.h"
#include "runtime/random_rows.h"

namespace levin::runtime {

using base::ErrorCode;

struct Session::State {
  Engine& engine;
  int64_t max_tokens = 0;
  int64_t tokens = 0;
  std::unique_ptr<PageTable> pages;
  tensor::Tensor<float, 2> logits;  // [wanted rows, vocab_size]
  model::StepStats last_step;

  /// Takes the pages for `more` tokens behind the last one.
  void make_room(int64_t more) {
    if (more > max_tokens - tokens) {
      base::throw_error(ErrorCode::kContextTooLong, "session",
                        "{} tokens do not fit behind {} others, it was made for {}", more, tokens,
                        max_tokens);
    }
    pages->cover_tokens(tokens + more);
  }
};

Session::Session(Engine& engine, int64_t max_tokens) {
  if (max_tokens < 1 || max_tokens > engine.context_tokens()) {
    base::throw_error(ErrorCode::kContextTooLong, "session",
                      "1 to {} tokens expected (the engine's context), got {}",
                      engine.context_tokens(), max_tokens);
  }
  PagePool& pool = engine.pages();
  const int64_t pages = pages_for_tokens(max_tokens);
  auto table = std::make_unique<PageTable>(pool, pages);
  if (!table->try_reserve(max_tokens)) {
    base::throw_error(ErrorCode::kOutOfMemory, "session",
                      "{} tokens need {} pages of cache, {} of {} are not in use; end other "
                      "sequences or load with a larger cache",
                      max_tokens, pages, pool.available_pages(), pool.capacity_pages());
  }
  state_.reset(new State{.engine = engine,
                         .max_tokens = max_tokens,
                         .tokens = 0,
                         .pages = std::move(table),
                         .logits = {},
                         .last_step = {}});
}

Session::~Session() = default;

int64_t Session::tokens() const noexcept { return state_->tokens; }

const tensor::Tensor<float, 2>& Session::append(std::span<const int32_t> tokens, bool is_decode,
                                                model::LogitsWanted wanted, model::Trace* trace,
                                                const model::ForcedDecisions* forced) {
  State& state = *state_;
  if (tokens.empty() || (is_decode && tokens.size() != 1)) {
    base::throw_error(ErrorCode::kInvalidArgument, "session", "{} expected, got {} tokens",
                      is_decode ? "one token a decode step" : "at least one token", tokens.size());
  }
  const auto count = static_cast<int64_t>(tokens.size());
  state.make_room(count);
  const model::Chunk chunk{.tokens = tokens,
                           .first_pos = state.tokens,
                           .is_decode = is_decode,
                           .pages = state.pages->data(),
                           .logits = wanted};
  state.engine.transformer().forward({&chunk, 1}, state.logits, trace, forced);
  state.tokens += count;
  state.last_step = state.engine.transformer().last_step();
  return state.logits;
}

void Session::fill_random(int64_t tokens, uint64_t seed) {
  State& state = *state_;
  if (tokens < 0) {
    base::throw_error(ErrorCode::kInvalidArgument, "session",
                      "a number of tokens from 0 up expected, got {}", tokens);
  }
  state.make_room(tokens);
  fill_random_rows({.pages = state.pages->data(),
                    .layout = &state.engine.transformer().kv_layout(),
                    .first_pos = state.tokens,
                    .tokens = tokens,
                    .has_power_of_two_scales = state.engine.config().has_ue8m0_scales,
                    .seed = seed},
                   state.engine.context().pool());
  state.tokens += tokens;
}

void Session::truncate(int64_t tokens) {
  if (tokens < 0 || tokens > state_->tokens) {
    base::throw_error(ErrorCode::kInvalidArgument, "session", "0 to {} tokens can be kept, got {}",
                      state_->tokens, tokens);
  }
  state_->tokens = tokens;
}

const model::StepStats& Session::last_step() const noexcept { return state_->last_step; }

}  // namespace levin::runtime
