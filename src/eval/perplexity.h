// Perplexity of a text, counted as llama-perplexity does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "runtime/engine.h"

namespace levin::eval {

struct PerplexityOptions {
  int64_t window_tokens = 2048;  ///< length of a window, at least 4, at most the text's
  int64_t chunk_tokens = 256;    ///< tokens per step
  /// Tokens that are scored: those predicted by positions from here on; else the second half.
  std::optional<int64_t> first_position;
  std::optional<int32_t> bos_id;  ///< replaces the first token of every window, if there is one
};

struct PerplexityResult {
  double mean_nll = 0.0;        ///< mean negative log-likelihood of the scored tokens, in nats
  double perplexity = 0.0;      ///< exp(mean_nll)
  double standard_error = 0.0;  ///< of the perplexity; 0 with a single token
  int64_t scored_tokens = 0;
  int64_t windows = 0;
  std::vector<double> token_nll;  ///< of the scored tokens in order, equally many a window, in nats
};

/// Throws Error(kInvalidArgument) for a text of `tokens` tokens that has not one window of the
/// options, and for windows without a scored token: what can be told before a model is loaded.
void check_perplexity_options(const PerplexityOptions& options, int64_t tokens);

/// Cuts `tokens` into windows that do not overlap (the rest at the end is left out); in each, the
/// tokens of the second half, or of the positions asked for, are scored given all before them in
/// the window. `progress` gets the tokens done after every window.
/// Throws as check_perplexity_options, Error(kContextTooLong), Error(kCancelled).
PerplexityResult measure_perplexity(runtime::Engine& engine, std::span<const int32_t> tokens,
                                    const PerplexityOptions& options,
                                    base::FunctionRef<void(int64_t done_tokens)> progress);

}  // namespace levin::eval
