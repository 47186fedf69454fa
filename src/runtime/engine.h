// The engine: requests in, tokens out. Speaks token ids only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "model/config.h"
#include "model/forward.h"
#include "model/weights.h"
#include "runtime/disk_cache.h"
#include "runtime/sampler.h"

namespace levin::runtime {

class PagePool;
class Session;

struct EngineOptions {
  int threads = 0;  ///< 0: one per usable core
  model::ForwardOptions forward;
  model::LoadOptions load;
  /// Longest sequence; 0: the model's max_position_embeddings.
  int64_t context_tokens = 0;
  /// Memory of the page pool; 0: by most_contexts.
  int64_t cache_bytes = 0;
  /// Without cache_bytes: sequences of context_tokens that the pool holds at most, as far as a
  /// quarter of the available memory goes; it holds one in any case.
  int64_t most_contexts = 1;
  /// Memory is planned for the logits of prompts whose log-probabilities are wanted.
  bool scores_prompts = false;
  /// Largest prefill chunk while nothing else waits.
  int64_t chunk_tokens = 2048;
  /// Equal prefixes of prompts share pages.
  bool share_prefixes = true;
  /// Folder in which shared prefixes outlive the process; empty: they do not.
  std::string disk_cache_dir;
  /// Limit of the files in that folder.
  int64_t disk_cache_bytes = int64_t{20} << 30;
};

using RequestId = int64_t;

struct Request {
  std::vector<int32_t> prompt;
  SamplingParams sampling;
  int64_t max_new_tokens = 0;           ///< 0: until the context is full
  std::vector<int32_t> stop_token_ids;  ///< ends the answer; the stop token is reported
  /// Asked before each token: which tokens may follow? (constrained decoding; may be empty)
  std::function<const TokenMask*(const std::vector<int32_t>& generated)> constraint;
  bool wants_experts = false;  ///< router ids of the row that gave each generated token
  /// Log-probabilities of the prompt's own tokens, for evaluation; such a prompt is read without
  /// cached prefixes. Alternatives as sampling.top_logprobs says.
  bool wants_prompt_logprobs = false;
  uint64_t prefix_salt = 0;  ///< prefixes are shared among requests of equal salt alone
  /// Attends to the whole context although the model reads selections; its bits are those of an
  /// engine with AttentionMode::kDense. No effect on a model that attends densely anyway.
  bool is_dense = false;
};

enum class FinishReason { kStop, kLength, kCancelled, kError };

/// One generated token, or progress of the prompt: of what is computed and what comes from disk.
struct TokenEvent {
  RequestId request = 0;
  int64_t prompt_tokens_done = 0;      ///< of the prompt, cached ones included
  int64_t prompt_tokens_cached = 0;    ///< found in shared pages, in memory or on disk
  int64_t prompt_tokens_restored = 0;  ///< of the cached ones, read from disk
  /// Of the prompt's next tokens in order, if wanted; the first token of a prompt has none.
  std::vector<SampledToken> prompt_logprobs;
  std::optional<SampledToken> token;
  /// Experts of the row whose logits gave the token, if wanted: [layer][num_experts_per_tok], empty
  /// for dense layers.
  std::vector<std::vector<int32_t>> expert_ids;
  std::optional<FinishReason> finish;
  std::string error;                                        ///< the sentence, with kError
  base::ErrorCode error_code = base::ErrorCode::kInternal;  ///< with kError
};

/// What a step computed: prompts, next tokens of answers, or both.
enum class StepPhase { kPrefill, kDecode, kMixed };

/// What the engine did since it was made.
struct EngineStats {
  int64_t prompt_tokens = 0;
  int64_t cached_prompt_tokens = 0;
  int64_t restored_prompt_tokens = 0;  ///< of the cached ones, read from disk
  int64_t generated_tokens = 0;
  int64_t steps = 0;
  int64_t preemptions = 0;        ///< sequences that lost their pages to older ones
  int64_t recomputed_tokens = 0;  ///< of prompts and answers, because of that; in none of the above
  model::StepStats rows;          ///< summed over steps
  /// Time of the steps by their phase; 0 unless EngineOptions::forward asks for it.
  std::array<model::StepTime, 3> times;

  [[nodiscard]] model::StepTime& time_of(StepPhase phase) noexcept {
    return times[static_cast<size_t>(phase)];
  }
  [[nodiscard]] const model::StepTime& time_of(StepPhase phase) const noexcept {
    return times[static_cast<size_t>(phase)];
  }
};

/// The pages of all sequences and what became of them since the engine was made.
struct CacheStats {
  int64_t page_bytes = 0;
  int64_t capacity_pages = 0;
  int64_t held_pages = 0;      ///< of running sequences
  int64_t reserved_pages = 0;  ///< promised to prompts that are being read, and not yet used
  int64_t evicted_pages = 0;   ///< that memory has lost to others
  DiskCacheStats disk;         ///< all 0 without a cache on disk
};

class Engine {
 public:
  /// Loads a checkpoint folder. Throws base::Error; kOutOfMemory names what the cache would need.
  /// What config.json alone decides (limits of the kernels, the context, memory) is checked before
  /// any weight is read.
  static std::unique_ptr<Engine> load(const std::string& model_dir, const EngineOptions& options,
                                      model::OnLoadProgress on_progress = model::kNoLoadProgress);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  [[nodiscard]] const model::Config& config() const noexcept;
  [[nodiscard]] const model::Weights& weights() const noexcept;
  [[nodiscard]] model::Transformer& transformer() noexcept;
  [[nodiscard]] kernels::Context& context() noexcept;
  [[nodiscard]] PagePool& pages() noexcept;
  [[nodiscard]] int64_t context_tokens() const noexcept;
  [[nodiscard]] const EngineStats& stats() const noexcept;
  [[nodiscard]] CacheStats cache_stats() const;

  /// Queues a request. Throws Error(kInvalidArgument) for an empty prompt or ids out of range,
  /// Error(kContextTooLong) if prompt and one token do not fit.
  RequestId submit(Request request);

  /// The request ends with kCancelled within one step.
  void cancel(RequestId request);
  /// A paused request gets no tokens until it goes on; its text is the same. It keeps its pages as
  /// long as no other needs them.
  void set_paused(RequestId request, bool is_paused) noexcept;
  /// The request ends at once, without an event: for destructors, while an exception passes.
  void abandon(RequestId request) noexcept;

  /// True while there are requests, paused ones too.
  [[nodiscard]] bool has_work() const noexcept;

  /// Runs one step of the scheduler (decode tokens of the running requests and prefill chunks of
  /// waiting ones, mixed) and returns what happened; nothing if all that run are paused. Throws
  /// Error(kCancelled) when the token of set_cancel fires inside a step; the engine stays usable.
  std::vector<TokenEvent> step();

  /// Checked inside steps, at the granularity of kernel tasks; null: none.
  void set_cancel(const base::CancelToken* token) noexcept;

 private:
  Engine();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::runtime
