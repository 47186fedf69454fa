// From a prompt to an answer: the one loop that terminal programs and evaluations share.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/function_ref.h"
#include "generation/answer_stream.h"
#include "model/config.h"
#include "model/forward.h"
#include "runtime/engine.h"
#include "runtime/sampler.h"
#include "text/tokenizer.h"

namespace levin::generation {

struct GenerationRequest {
  std::vector<int32_t> prompt;
  runtime::SamplingParams sampling;
  int64_t max_new_tokens = 0;          ///< 0: until the context is full
  std::vector<std::string> stop;       ///< stop strings; not part of the text
  bool ignore_eos = false;             ///< the model's end-of-sequence tokens do not end the answer
  bool skip_special = true;            ///< leave special tokens out of the text
  bool wants_experts = false;          ///< as in runtime::Request
  bool wants_prompt_logprobs = false;  ///< as in runtime::Request
  bool is_dense = false;               ///< as in runtime::Request
  /// As in runtime::Request. If empty, ids that the tokenizer does not know are never drawn.
  std::function<const runtime::TokenMask*(const std::vector<int32_t>& generated)> constraint;
};

struct GenerationResult {
  std::string text;
  std::vector<int32_t> tokens;  ///< of the answer, the stop token included
  runtime::FinishReason finish = runtime::FinishReason::kStop;
  std::string error;                                        ///< the sentence, with kError
  base::ErrorCode error_code = base::ErrorCode::kInternal;  ///< with kError
  std::string stop_string;  ///< the stop string that ended the answer, if one did

  int64_t prompt_tokens = 0;
  int64_t cached_prompt_tokens = 0;    ///< of these, found in the cache
  int64_t restored_prompt_tokens = 0;  ///< of the cached ones, read from disk
  double time_to_first_token_s = 0;    ///< from the submission; 0 without a token
  double decode_s = 0;                 ///< from the first token to the last
  /// Rows of the cache that attention read and could have read, prompt and answer together.
  model::StepStats rows;

  /// Prompt tokens per second until the first token; 0 if unknown.
  [[nodiscard]] double prefill_tokens_per_s() const noexcept;
  /// Tokens per second after the first one; 0 if there are none.
  [[nodiscard]] double decode_tokens_per_s() const noexcept;
  /// Share of the visible rows that attention read: 1 in dense models; 0 if nothing ran.
  [[nodiscard]] double share_of_context_read() const noexcept;
};

/// The ids that end an answer: eos_token_id of the config, and the tokenizer's if it has one.
[[nodiscard]] std::vector<int32_t> end_token_ids(const model::Config& config,
                                                 const text::Tokenizer* tokenizer);

/// The ids below vocab_size that the tokenizer knows; nothing if these are all.
[[nodiscard]] std::optional<runtime::TokenMask> known_token_mask(const text::Tokenizer& tokenizer,
                                                                 int64_t vocab_size);

/// What the engine needs of a request; for callers that run several at once and feed each one's
/// events to an AnswerStream. `tokenizer` may be null.
[[nodiscard]] runtime::Request to_engine_request(const GenerationRequest& request,
                                                 const model::Config& config,
                                                 const text::Tokenizer* tokenizer);
[[nodiscard]] AnswerOptions to_answer_options(const GenerationRequest& request,
                                              const model::Config& config,
                                              const text::Tokenizer* tokenizer);

/// Called with every event, also those that bring no text (progress of the prompt). False stops the
/// answer with kCancelled.
using OnDelta = base::FunctionRef<bool(const Delta& delta)>;

/// Runs one request to its end. The engine must have no other work. `tokenizer` null: tokens only.
/// When the engine's cancel token fires, the result has kCancelled and what was generated so far.
/// Throws Error(kInvalidArgument | kContextTooLong) for a request that the engine refuses.
[[nodiscard]] GenerationResult generate(runtime::Engine& engine, const text::Tokenizer* tokenizer,
                                        const GenerationRequest& request, OnDelta on_delta);

}  // namespace levin::generation
