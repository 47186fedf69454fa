// Logits of every position of a token sequence, and what the model decided on the way, as a
// safetensors file: how checkpoints are compared with other implementations.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/function_ref.h"
#include "runtime/engine.h"

namespace levin::eval {

/// Tensors beside `logits`, by the names of the golden files (tests/data/golden/README.md).
struct LogitsDumps {
  bool has_hidden = false;   ///< layer.N.hidden, .decode_hidden, .attn_out
  bool has_indexer = false;  ///< layer.N.index_scores, .decode_index_scores
  bool has_topk = false;     ///< layer.N.topk_mask, .decode_topk_mask
  bool has_router = false;   ///< layer.N.router_ids, .router_weights

  [[nodiscard]] bool is_any() const noexcept {
    return has_hidden || has_indexer || has_topk || has_router;
  }
};

struct LogitsOptions {
  int64_t chunk_tokens = 0;            ///< prompt tokens per step; 0: all at once
  std::optional<int64_t> decode_from;  ///< tokens from here on are fed one at a time, as decode
  LogitsDumps dumps;
};

/// Runs `tokens` through the engine and writes `out_path`: f32 `logits` [tokens, vocab_size]; with
/// any dump also `tokens`, `prefill_logits` and `decode_logits`. The file appears complete or not
/// at all. `progress` is called with tokens done.
/// Throws Error(kInvalidArgument) for decode_from outside [0, tokens], Error(kContextTooLong),
/// Error(kIo), Error(kCancelled).
void write_logits(runtime::Engine& engine, std::span<const int32_t> tokens,
                  const LogitsOptions& options, const std::string& out_path,
                  base::FunctionRef<void(int64_t done_tokens)> progress);

}  // namespace levin::eval
