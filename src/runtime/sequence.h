// A request on its way through the scheduler, and the part of it that a step computes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/engine.h"
#include "runtime/page_table.h"
#include "runtime/prefix_cache.h"

namespace levin::runtime {

/// What an admission was refused with: without more of either it would be refused again.
struct RefusedAdmission {
  int64_t spare_pages = 0;      ///< of the scheduler
  int64_t published_pages = 0;  ///< by the scheduler since its beginning: some may be shared
};

/// A request on its way, and what has been computed of it.
struct Sequence {
  RequestId id = 0;
  Request request;
  std::vector<int32_t> tokens;     ///< prompt, then the answer
  std::vector<int32_t> generated;  ///< the answer alone
  int64_t max_tokens = 0;          ///< length at which the answer ends, at most the context
  int64_t arrival = 0;             ///< its place in the order of arrival
  int64_t computed_tokens = 0;     ///< tokens whose rows are in the cache
  /// The most that computed_tokens was after a step. Rows below it that a preemption has taken are
  /// computed again without a word: everything that they tell has been told.
  int64_t told_tokens = 0;
  int64_t cached_tokens = 0;         ///< of the prompt, found in shared pages when it first began
  int64_t restored_tokens = 0;       ///< of the cached ones, read from disk
  int64_t pages_to_restore = 0;      ///< of the prompt, next on the disk: read before any prefill
  std::unique_ptr<PageTable> pages;  ///< null while the sequence waits
  PrefixCache::Link chain;           ///< of the pages of the prompt that others can find
  int64_t chain_pages = 0;
  bool is_paused = false;                   ///< nothing of it is planned
  bool was_preempted = false;               ///< nobody who came later is admitted before it
  int overtakers = 0;                       ///< sequences that came later and were admitted before
  std::optional<RefusedAdmission> refusal;  ///< the last one

  [[nodiscard]] int64_t prompt_tokens() const noexcept {
    return static_cast<int64_t>(request.prompt.size());
  }
  [[nodiscard]] int64_t token_count() const noexcept { return static_cast<int64_t>(tokens.size()); }
  [[nodiscard]] bool is_prefilling() const noexcept { return computed_tokens < prompt_tokens(); }
  [[nodiscard]] bool is_recomputing() const noexcept { return computed_tokens < told_tokens; }
  /// The next thing that it needs is one token of its answer.
  [[nodiscard]] bool is_answering() const noexcept { return !is_prefilling() && !is_recomputing(); }

  /// Every row of its next chunk gives logits, because they tell log-probabilities of the prompt.
  [[nodiscard]] bool gives_scores() const noexcept {
    return request.wants_prompt_logprobs && is_prefilling() && !is_recomputing();
  }

  /// Tokens that its next chunk may hold. A chunk is of the prompt or of the answer, because these
  /// are computed in different forms, and all of it has been told before or nothing.
  [[nodiscard]] int64_t next_tokens() const noexcept {
    const int64_t end = is_recomputing() ? told_tokens : token_count();
    return (is_prefilling() ? std::min(end, prompt_tokens()) : end) - computed_tokens;
  }

  /// Tokens of the prompt that pages of others may stand for. One is always left to compute,
  /// because its logits give the answer's first token, and all of a prompt whose own
  /// log-probabilities are wanted; but not what was computed before a preemption.
  [[nodiscard]] int64_t reusable_tokens() const noexcept {
    if (told_tokens > 0) {
      return std::min(told_tokens, prompt_tokens());
    }
    return request.wants_prompt_logprobs ? 0 : prompt_tokens() - 1;
  }
};

struct PlannedChunk {
  Sequence* sequence = nullptr;
  int64_t tokens = 0;  ///< from sequence->computed_tokens on
  bool is_decode = false;
  bool is_recomputed = false;  ///< it gives no logits: what they tell has been told

  /// Acquires the pages that the chunk's rows go to. Throws Error(kOutOfMemory) if the system
  /// refuses the memory that it promised.
  void take_pages() const { sequence->pages->cover_tokens(sequence->computed_tokens + tokens); }
};

}  // namespace levin::runtime
