// One sequence driven by hand: for tools that need every logit, a chosen chunk length or a cache
// filled with random rows (logits, perplexity, bench, tests).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "model/forward.h"
#include "runtime/engine.h"
#include "tensor/buffer.h"

namespace levin::runtime {

class Session {
 public:
  /// A sequence of at most `max_tokens` tokens, its pages taken from the engine's pool.
  /// Throws Error(kContextTooLong | kOutOfMemory).
  Session(Engine& engine, int64_t max_tokens);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] int64_t tokens() const noexcept;

  /// Feeds tokens as one chunk and returns the wanted logits, [rows, vocab_size]; the reference
  /// stays valid until the next call.
  const tensor::Tensor<float, 2>& append(std::span<const int32_t> tokens, bool is_decode,
                                         model::LogitsWanted wanted, model::Trace* trace = nullptr,
                                         const model::ForcedDecisions* forced = nullptr);

  /// Appends `tokens` cache rows with random content of plausible size (latents ~ N(0,1) as after
  /// RMSNorm, index keys with spread codes and scales) without running the model.
  void fill_random(int64_t tokens, uint64_t seed);

  /// Forgets everything after the first `tokens` tokens.
  void truncate(int64_t tokens);

  /// Counters of the last append.
  [[nodiscard]] const model::StepStats& last_step() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace levin::runtime
