// Decides which tokens of which sequences the next step computes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/engine.h"
#include "runtime/page_pool.h"
#include "runtime/page_table.h"
#include "runtime/prefix_cache.h"

namespace levin::runtime {

/// What an admission was refused with: without more of either it would be refused again.
struct RefusedAdmission {
  int64_t available_pages = 0;  ///< of the pool
  int64_t published_pages = 0;  ///< by the scheduler since its beginning: some may be shared
};

/// A request on its way, and what has been computed of it.
struct Sequence {
  RequestId id = 0;
  Request request;
  std::vector<int32_t> tokens;       ///< prompt, then the answer
  std::vector<int32_t> generated;    ///< the answer alone
  int64_t max_tokens = 0;            ///< length at which the answer ends, at most the context
  int64_t computed_tokens = 0;       ///< tokens whose rows are in the cache
  int64_t cached_tokens = 0;         ///< of these, found in shared pages
  int64_t restored_tokens = 0;       ///< of the cached ones, read from disk
  int64_t pages_to_restore = 0;      ///< of the prompt, next on the disk: read before any prefill
  std::unique_ptr<PageTable> pages;  ///< null while the sequence waits
  PrefixCache::Link chain;           ///< of the pages of the prompt that others can find
  int64_t chain_pages = 0;
  bool is_paused = false;                   ///< keeps its pages, and nothing of it is planned
  int overtakers = 0;                       ///< sequences that came later and were admitted before
  std::optional<RefusedAdmission> refusal;  ///< the last one

  [[nodiscard]] int64_t prompt_tokens() const noexcept {
    return static_cast<int64_t>(request.prompt.size());
  }
  [[nodiscard]] bool is_prefilling() const noexcept { return computed_tokens < prompt_tokens(); }
};

struct PlannedChunk {
  Sequence* sequence = nullptr;
  int64_t tokens = 0;  ///< from sequence->computed_tokens on
  bool is_decode = false;

  /// Acquires the pages that the chunk's rows go to. Throws Error(kOutOfMemory) if the system
  /// refuses the memory that it promised.
  void take_pages() const { sequence->pages->cover_tokens(sequence->computed_tokens + tokens); }
};

/// Tokens of prefill that a step may compute: `chunk_tokens` while nothing decodes. While others
/// decode, 256 for one of them down to 64 for four and more, so that none of them stalls.
[[nodiscard]] int64_t prefill_budget(int64_t decoding, int64_t chunk_tokens);

/// Splits a budget over prompts with `remaining` tokens each: equal shares of at least 64 tokens,
/// beginning with prompt `first`; what short prompts leave goes to the others in that order.
[[nodiscard]] std::vector<int64_t> split_prefill(int64_t budget, std::span<const int64_t> remaining,
                                                 size_t first);

/// Bytes of pages that a step may read from disk: less while others wait for their tokens.
inline constexpr int64_t kRestoreBytesAlone = int64_t{64} << 20;
inline constexpr int64_t kRestoreBytesMixed = int64_t{16} << 20;

/// How many later sequences may be admitted before one that waits for its pages. After them nobody
/// passes it, so that it gets its pages when those that run have ended.
inline constexpr int kMostOvertakers = 16;

/// Refused admissions in a step: each compares the prompt with the shared prefixes.
inline constexpr int kMostRefusals = 8;

/// Admits in the order of arrival, without preemption: a sequence starts when all the pages that it
/// can ever need are reserved, so it always ends. One that does not fit yet holds up those behind
/// it only after kMostOvertakers of them.
class Scheduler {
 public:
  /// `pool` must outlive the scheduler. `prefixes` null: prompts share nothing.
  Scheduler(PagePool& pool, PrefixCache* prefixes, int64_t chunk_tokens);

  void add(std::unique_ptr<Sequence> sequence);
  /// Takes a sequence out, waiting or running; null if there is none of that id. Its pages are free
  /// once the caller drops it.
  [[nodiscard]] std::unique_ptr<Sequence> remove(RequestId id) noexcept;

  /// A paused sequence is left out of plans, also if it waits for its pages and gets them
  /// meanwhile.
  void set_paused(RequestId id, bool is_paused) noexcept;

  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty() && running_.empty(); }
  [[nodiscard]] int64_t waiting() const noexcept { return static_cast<int64_t>(waiting_.size()); }
  [[nodiscard]] int64_t running() const noexcept { return static_cast<int64_t>(running_.size()); }

  /// Admits what fits, brings pages of prompts back from disk, and plans a step: one token of every
  /// answer, then chunks of prompts. The pages that the chunks write are reserved (take_pages).
  /// Empty although sequences wait: all that run are paused or still read from disk, or, if none
  /// runs, the pages that the first one needs are held by somebody outside (see first_waiting).
  [[nodiscard]] std::vector<PlannedChunk> plan();

  /// The running sequences for which the last plan has read pages from disk; valid until one ends.
  [[nodiscard]] const std::vector<const Sequence*>& restored() const noexcept { return restored_; }

  /// The sequence that waits longest; null if none does.
  [[nodiscard]] const Sequence* first_waiting() const noexcept {
    return waiting_.empty() ? nullptr : waiting_.front().get();
  }

  /// The chunk's rows are in the cache: advances the sequence and publishes its full prompt pages.
  void commit(const PlannedChunk& chunk);

 private:
  void admit_waiting();
  [[nodiscard]] bool may_fit_now(const Sequence& sequence) const;
  [[nodiscard]] bool try_admit(Sequence& sequence);
  void publish_pages(Sequence& sequence);
  void restore_pages();
  void restore_page(Sequence& sequence);
  void plan_prefill(int64_t decoding, std::vector<PlannedChunk>& chunks);

  PagePool& pool_;
  PrefixCache* prefixes_;
  int64_t chunk_tokens_;
  size_t prefill_turn_ = 0;      // whose prompt is served first; moves on with each step
  int64_t published_pages_ = 0;  // since the beginning
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission
  std::vector<const Sequence*> restored_;
};

}  // namespace levin::runtime
