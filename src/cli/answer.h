// Running a request with what a terminal shows of it: progress, the streamed answer, a summary.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/function_ref.h"
#include "generation/generator.h"
#include "model/config.h"
#include "runtime/engine.h"
#include "text/tokenizer.h"

namespace levin::cli {

/// Context for `prompt_tokens` and the answer: `wanted` (--ctx) if it is not 0, else as much as
/// prompt and answer need, at most the model's. Throws Error(kContextTooLong) if the prompt leaves
/// no room for an answer, saying what to do.
[[nodiscard]] int64_t choose_context(int64_t prompt_tokens, int64_t max_new_tokens, int64_t wanted,
                                     const model::Config& config);

/// Called with each delta besides what run_request prints.
using OnDelta = base::FunctionRef<void(const generation::Delta& delta)>;

/// Runs a request: a progress bar while the prompt is read, then, if `streams`, the text on stdout
/// as it comes (without a tokenizer: the ids), and a line break at its end. A cancelled request
/// returns too, with kCancelled. Throws the Error of one that failed.
[[nodiscard]] generation::GenerationResult run_request(runtime::Engine& engine,
                                                       const text::Tokenizer* tokenizer,
                                                       const generation::GenerationRequest& request,
                                                       bool streams, OnDelta on_delta);

/// Tokens in and out, time to first token, rates, share of the context read, memory: one line.
[[nodiscard]] std::string summarize(const generation::GenerationResult& result);

/// The result as an object for --json, text and tokens included.
[[nodiscard]] nlohmann::json result_json(const generation::GenerationResult& result);

/// Throws Error(kCancelled) for a cancelled result.
void throw_if_cancelled(const generation::GenerationResult& result);

}  // namespace levin::cli
