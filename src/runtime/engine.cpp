#include "runtime/engine.h"

#include <algorithm>
#include <exception>
#include <new>
#include <span>
#include <utility>

#include "base/error.h"
#include "base/memory_info.h"
#include "base/thread_pool.h"
#include "kernels/context.h"
#include "kernels/op_table.h"
#include "model/config_limits.h"
#include "runtime/cache_tiers.h"
#include "runtime/chunk_logits.h"
#include "runtime/engine_plan.h"
#include "runtime/memory_plan.h"
#include "runtime/page_pool.h"
#include "runtime/request_check.h"
#include "runtime/scheduler.h"

namespace levin::runtime {

using base::ErrorCode;

constexpr int kMaxThreads = 1024;

/// Members are destroyed from the last to the first: what uses comes after what is used.
struct Engine::State {
  explicit State(int threads)
      : threads_pool(threads), context(threads_pool, kernels::select_table_from_environment()) {}

  base::ThreadPool threads_pool;
  kernels::Context context;
  model::Config config;
  std::unique_ptr<model::Weights> weights;
  std::unique_ptr<model::Transformer> transformer;
  int64_t context_tokens = 0;
  std::unique_ptr<PagePool> pages;
  CacheTiers caches;
  std::unique_ptr<Scheduler> scheduler;
  tensor::Tensor<float, 2> logits;  // [rows that logits_wanted names, vocab_size]
  std::vector<TokenEvent> events;   // not yet returned by step()
  EngineStats stats;
  const base::CancelToken* cancel = nullptr;
  RequestId last_request = 0;

  [[nodiscard]] MemoryPlan make_plan(const EngineOptions& options) const;
  void prepare_memory(const EngineOptions& options);
  void end(RequestId id, FinishReason reason, std::string error = {},
           ErrorCode error_code = ErrorCode::kInternal);
  void run(std::span<const PlannedChunk> chunks);
  void forward(std::span<const PlannedChunk> chunks, model::Trace* trace);
  void finish_chunk(const PlannedChunk& chunk, std::span<const float> chunk_logits,
                    const model::Trace* trace, int64_t last_row);
  void draw_token(Sequence& sequence, std::span<const float> logits_row, TokenEvent& event);
};

namespace {

bool wants_experts(std::span<const PlannedChunk> chunks) {
  return std::ranges::any_of(chunks, [](const PlannedChunk& chunk) {
    return chunk.sequence->request.wants_experts && gives_token(chunk);
  });
}

StepPhase phase_of(std::span<const PlannedChunk> chunks) {
  const auto decodes = std::ranges::count_if(
      chunks, [](const PlannedChunk& chunk) { return chunk.is_decode && !chunk.is_recomputed; });
  return decodes == 0                    ? StepPhase::kPrefill
         : decodes == std::ssize(chunks) ? StepPhase::kDecode
                                         : StepPhase::kMixed;
}

/// How far the prompt of a sequence is.
TokenEvent progress_of(const Sequence& sequence) {
  TokenEvent event;
  event.request = sequence.id;
  event.prompt_tokens_done =
      std::min(std::max(sequence.computed_tokens, sequence.told_tokens), sequence.prompt_tokens());
  event.prompt_tokens_cached = sequence.cached_tokens;
  event.prompt_tokens_restored = sequence.restored_tokens;
  return event;
}

/// Router ids of one row of the step: [layer][num_experts_per_tok].
std::vector<std::vector<int32_t>> experts_of_row(const model::Trace& trace, int64_t row) {
  std::vector<std::vector<int32_t>> experts;
  for (const model::LayerTrace& layer : trace.layers) {
    const auto ids = layer.router_ids.view();
    if (row < ids.extent(0)) {
      experts.emplace_back(ids.row(row), ids.row(row) + ids.extent(1));
    } else {
      experts.emplace_back();  // a dense layer
    }
  }
  return experts;
}

}  // namespace

Engine::Engine() = default;

Engine::~Engine() {
  if (state_ != nullptr && state_->caches.disk != nullptr && state_->cancel != nullptr &&
      state_->cancel->is_cancelled()) {
    state_->caches.disk->set_flush_limit({});  // whoever stops the program does not wait for a disk
  }
}

std::unique_ptr<Engine> Engine::load(const std::string& model_dir, const EngineOptions& options,
                                     model::OnLoadProgress on_progress) {
  if (options.chunk_tokens < 1 || options.threads < 0 || options.threads > kMaxThreads ||
      options.cache_bytes < 0) {
    base::throw_error(ErrorCode::kInvalidArgument, "engine options",
                      "chunks of at least 1 token, 0 to {} threads and cache bytes from 0 up "
                      "expected, got {}, {} and {}",
                      kMaxThreads, options.chunk_tokens, options.threads, options.cache_bytes);
  }
  std::unique_ptr<Engine> engine(new Engine());
  engine->state_ = std::make_unique<State>(options.threads);
  State& state = *engine->state_;
  state.config = model::load_config(model_dir);
  model::check_limits(state.config, options.forward, model_dir + "/config.json");
  (void)state.make_plan(options);  // what cannot fit is refused before the weights are read
  state.weights = model::Weights::load(model_dir, state.config, state.threads_pool,
                                       load_options(options), on_progress);
  state.transformer = std::make_unique<model::Transformer>(state.config, *state.weights,
                                                           state.context, options.forward);
  state.prepare_memory(options);
  state.caches = make_cache_tiers(options, model_dir, *engine, *state.pages);
  state.scheduler =
      std::make_unique<Scheduler>(*state.pages, state.caches.prefixes.get(), options.chunk_tokens);
  return engine;
}

/// What context and cache get of the memory that is available now.
MemoryPlan Engine::State::make_plan(const EngineOptions& options) const {
  const int64_t longest = wanted_context(options.context_tokens, config.max_position_embeddings);
  return plan_memory({
      .context_tokens = longest,
      .cache_bytes = options.cache_bytes,
      .most_contexts = options.most_contexts,
      .page_bytes = model::kv_layout(config, options.forward).page_bytes(),
      .available_bytes = base::available_memory_bytes(),
      .activation_bytes =
          [&](int64_t tokens) {
            return model::activation_bytes(
                config, largest_step(config, options, threads_pool.thread_count(), tokens));
          },
  });
}

void Engine::State::prepare_memory(const EngineOptions& options) {
  const MemoryPlan plan = make_plan(options);
  context_tokens = plan.context_tokens;
  pages = std::make_unique<PagePool>(transformer->kv_layout().page_bytes(), plan.pages);
}

const model::Config& Engine::config() const noexcept { return state_->config; }
const model::Weights& Engine::weights() const noexcept { return *state_->weights; }
model::Transformer& Engine::transformer() noexcept { return *state_->transformer; }
kernels::Context& Engine::context() noexcept { return state_->context; }
PagePool& Engine::pages() noexcept { return *state_->pages; }
int64_t Engine::context_tokens() const noexcept { return state_->context_tokens; }
const EngineStats& Engine::stats() const noexcept { return state_->stats; }
CacheStats Engine::cache_stats() const { return stats_of(state_->caches, *state_->pages); }

RequestId Engine::submit(Request request) {
  State& state = *state_;
  check_request(request, state.config.vocab_size, state.context_tokens);
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  const int64_t room = state.context_tokens - prompt_tokens;
  auto sequence = std::make_unique<Sequence>();
  sequence->id = ++state.last_request;
  sequence->tokens = request.prompt;
  sequence->max_tokens =
      prompt_tokens + (request.max_new_tokens > 0 ? std::min(room, request.max_new_tokens) : room);
  sequence->request = std::move(request);
  sequence->request.is_dense &= state.transformer->is_sparse();  // else all are alike
  state.scheduler->add(std::move(sequence));
  return state.last_request;
}

void Engine::cancel(RequestId request) { state_->end(request, FinishReason::kCancelled); }

void Engine::set_paused(RequestId request, bool is_paused) noexcept {
  state_->scheduler->set_paused(request, is_paused);
}

void Engine::abandon(RequestId request) noexcept { (void)state_->scheduler->remove(request); }

bool Engine::has_work() const noexcept {
  return !state_->scheduler->is_empty() || !state_->events.empty();
}

std::vector<TokenEvent> Engine::step() {
  State& state = *state_;
  const std::vector<PlannedChunk> chunks = state.scheduler->plan();
  state.stats.preemptions = state.scheduler->preemptions();
  for (const Sequence* sequence : state.scheduler->restored()) {
    state.events.push_back(progress_of(*sequence));
  }
  if (!chunks.empty()) {
    state.run(chunks);
    ++state.stats.steps;
  } else if (const Sequence* stuck = state.scheduler->first_waiting();
             stuck != nullptr && state.scheduler->running() == 0) {
    state.end(stuck->id, FinishReason::kError,
              fmt::format("the request needs {} pages of cache, {} are free and nothing runs that "
                          "would free more; end the sequences that hold them",
                          outlook_pages(*stuck), state.pages->available_pages()));
  }
  return std::exchange(state.events, {});
}

void Engine::set_cancel(const base::CancelToken* token) noexcept {
  state_->threads_pool.set_cancel(token);
  state_->cancel = token;
}

/// Takes the sequence out, frees its pages and reports why; nothing if it has ended already.
void Engine::State::end(RequestId id, FinishReason reason, std::string error,
                        ErrorCode error_code) {
  TokenEvent& event = events.emplace_back();  // first: without memory for it nothing has changed
  const std::unique_ptr<Sequence> sequence = scheduler->remove(id);
  if (sequence == nullptr) {
    events.pop_back();
    return;
  }
  event = progress_of(*sequence);
  event.finish = reason;
  event.error = std::move(error);
  event.error_code = error_code;
}

/// One forward pass over the chunks, then a token of each sequence that is due one. If the pass
/// fails, each chunk is tried alone (its bits are the same), so that only the culprit ends.
void Engine::State::run(std::span<const PlannedChunk> chunks) {
  model::Trace trace;
  trace.wants_router = wants_experts(chunks);
  model::Trace* const wanted_trace = trace.wants_router ? &trace : nullptr;
  std::string failure;
  ErrorCode failure_code = ErrorCode::kInternal;
  try {
    forward(chunks, wanted_trace);
  } catch (const base::Error& error) {
    if (error.code() == ErrorCode::kCancelled) {
      throw;  // nothing has been committed: the next step plans the same chunks again
    }
    failure = error.what();
    failure_code = error.code();
  } catch (const std::bad_alloc&) {
    failure = "the system has no more memory to give";
    failure_code = ErrorCode::kOutOfMemory;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    if (chunks.size() == 1) {
      end(chunks.front().sequence->id, FinishReason::kError, std::move(failure), failure_code);
      return;
    }
    for (const PlannedChunk& chunk : chunks) {
      run({&chunk, 1});
    }
    return;
  }
  int64_t row = 0;
  int64_t logits_row = 0;
  const auto all_logits = std::as_const(logits).view();
  for (const PlannedChunk& chunk : chunks) {
    row += chunk.tokens;
    const int64_t rows = logits_rows(chunk);
    const std::span<const float> chunk_logits(all_logits.data() + logits_row * config.vocab_size,
                                              static_cast<size_t>(rows * config.vocab_size));
    logits_row += rows;
    finish_chunk(chunk, chunk_logits, wanted_trace, row - 1);
  }
}

void Engine::State::forward(std::span<const PlannedChunk> chunks, model::Trace* trace) {
  std::vector<model::Chunk> step;
  step.reserve(chunks.size());
  for (const PlannedChunk& chunk : chunks) {
    const Sequence& sequence = *chunk.sequence;
    chunk.take_pages();
    step.push_back({.tokens = std::span(sequence.tokens)
                                  .subspan(static_cast<size_t>(sequence.computed_tokens),
                                           static_cast<size_t>(chunk.tokens)),
                    .first_pos = sequence.computed_tokens,
                    .is_decode = chunk.is_decode,
                    .is_dense = sequence.request.is_dense,
                    .pages = sequence.pages->data(),
                    .logits = logits_wanted(chunk)});
  }
  transformer->forward(step, logits, trace);
  stats.rows += transformer->last_step();
  stats.time_of(phase_of(chunks)) += transformer->last_step_time();
}

/// Books what a successful pass computed of one chunk. `chunk_logits` [rows, vocab_size] are the
/// rows that logits_wanted named, `last_row` is the chunk's last row within the step.
void Engine::State::finish_chunk(const PlannedChunk& chunk, std::span<const float> chunk_logits,
                                 const model::Trace* trace, int64_t last_row) {
  Sequence& sequence = *chunk.sequence;
  const bool is_first_chunk = sequence.told_tokens == 0;
  const bool ends_in_token = gives_token(chunk);
  const int64_t first_pos = sequence.computed_tokens;
  scheduler->commit(chunk);
  if (chunk.is_recomputed) {
    stats.recomputed_tokens += chunk.tokens;
    return;
  }
  if (!chunk.is_decode) {
    stats.prompt_tokens += chunk.tokens + (is_first_chunk ? sequence.cached_tokens : 0);
    stats.cached_prompt_tokens += is_first_chunk ? sequence.cached_tokens : 0;
    stats.restored_prompt_tokens += is_first_chunk ? sequence.restored_tokens : 0;
  }
  TokenEvent event = progress_of(sequence);
  if (!chunk_logits.empty()) {
    try {
      if (ends_in_token) {
        draw_token(sequence, chunk_logits.last(static_cast<size_t>(config.vocab_size)), event);
      }
      if (sequence.request.wants_prompt_logprobs) {
        event.prompt_logprobs =
            prompt_logprobs(sequence.request, first_pos, chunk_logits, config.vocab_size);
      }
    } catch (const base::Error& error) {
      end(sequence.id, FinishReason::kError, error.what(), error.code());
      return;
    } catch (const std::exception& error) {
      end(sequence.id, FinishReason::kError, error.what());
      return;
    } catch (...) {  // a constraint is the caller's code and may throw anything
      end(sequence.id, FinishReason::kError, "the constraint failed");
      return;
    }
    if (trace != nullptr && sequence.request.wants_experts && ends_in_token) {
      event.expert_ids = experts_of_row(*trace, last_row);
    }
  }
  if (event.finish.has_value()) {
    (void)scheduler->remove(sequence.id);
  }
  events.push_back(std::move(event));
}

/// Draws the next token of the answer and decides whether it is the last one.
void Engine::State::draw_token(Sequence& sequence, std::span<const float> logits_row,
                               TokenEvent& event) {
  const Request& request = sequence.request;
  const TokenMask* mask = request.constraint ? request.constraint(sequence.generated) : nullptr;
  event.token = sample(logits_row, request.sampling, sequence.tokens, sequence.generated,
                       static_cast<int64_t>(sequence.tokens.size()), mask);
  const int32_t token = event.token->token;
  sequence.tokens.push_back(token);
  sequence.generated.push_back(token);
  ++stats.generated_tokens;
  if (std::ranges::find(request.stop_token_ids, token) != request.stop_token_ids.end()) {
    event.finish = FinishReason::kStop;
  } else if (static_cast<int64_t>(sequence.tokens.size()) >= sequence.max_tokens) {
    event.finish = FinishReason::kLength;
  }
}

}  // namespace levin::runtime
