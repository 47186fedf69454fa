// Decides which tokens of which sequences the next step computes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "runtime/page_pool.h"
#include "runtime/prefix_cache.h"
#include "runtime/sequence.h"

namespace levin::runtime {

/// Bytes of pages that a step may read from disk: less while others wait for their tokens.
inline constexpr int64_t kRestoreBytesAlone = int64_t{64} << 20;
inline constexpr int64_t kRestoreBytesMixed = int64_t{16} << 20;

/// How many later sequences may be admitted before one that waits for its pages. After them nobody
/// passes it, so that it gets its pages when those that run have ended.
inline constexpr int kMostOvertakers = 16;

/// Refused admissions in a step: each compares the prompt with the shared prefixes.
inline constexpr int kMostRefusals = 8;

/// Tokens of every answer for whose pages an admission looks ahead.
inline constexpr int64_t kOutlookTokens = 256;

/// Pages of its own and others' that a sequence needs to be admitted.
[[nodiscard]] int64_t outlook_pages(const Sequence& sequence) noexcept;

/// Admits in the order of arrival. A sequence gets pages for the tokens that it has, and one more
/// whenever its answer needs it; it is admitted if the pool also holds the next kOutlookTokens of
/// every answer that runs. One that does not fit yet holds up those behind it only after
/// kMostOvertakers of them.
///
/// When no page is left for an answer, the youngest sequence is preempted, paused ones before all
/// others: it loses its pages, keeps its tokens and waits at its place in the order of arrival, and
/// nobody who came after it is admitted before it. Then its rows are computed again in the forms
/// that they had (prefill for the prompt, decode for the answer), so that their bits are the same.
/// The oldest sequence that is not paused never gives way: it ends, and after it the next oldest.
/// Paused ones also lose their pages, one by one, when others wait for pages and nothing else runs.
class Scheduler {
 public:
  /// `pool` must outlive the scheduler. `prefixes` null: prompts share nothing.
  Scheduler(PagePool& pool, PrefixCache* prefixes, int64_t chunk_tokens);

  void add(std::unique_ptr<Sequence> sequence);
  /// Takes a sequence out, waiting or running; null if there is none of that id. Its pages are free
  /// once the caller drops it.
  [[nodiscard]] std::unique_ptr<Sequence> remove(RequestId id) noexcept;

  /// A paused sequence is left out of plans, and not admitted while it waits: it holds up nobody.
  void set_paused(RequestId id, bool is_paused) noexcept;

  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty() && running_.empty(); }
  [[nodiscard]] int64_t waiting() const noexcept { return static_cast<int64_t>(waiting_.size()); }
  [[nodiscard]] int64_t running() const noexcept { return static_cast<int64_t>(running_.size()); }

  /// Gives answers their next pages, admits what fits, brings pages of prompts back from disk, and
  /// plans a step: one token of every answer, then chunks of prompts and of what is computed again.
  /// The pages that the chunks write are reserved (take_pages). Empty although there are
  /// sequences: all are paused or still read from disk, or none runs, because somebody outside
  /// holds the pages that the first one needs (see first_waiting).
  [[nodiscard]] std::vector<PlannedChunk> plan();

  /// The running sequences for which the last plan has read pages from disk; valid until one ends.
  [[nodiscard]] const std::vector<const Sequence*>& restored() const noexcept { return restored_; }

  /// The sequence that waits longest without being paused; null if none does.
  [[nodiscard]] const Sequence* first_waiting() const noexcept;

  /// How often a sequence has lost its pages to an older one.
  [[nodiscard]] int64_t preemptions() const noexcept { return preemptions_; }

  /// The chunk's rows are in the cache: advances the sequence and publishes its full prompt pages.
  void commit(const PlannedChunk& chunk);

 private:
  void grow_answers();
  [[nodiscard]] bool is_held_up() const noexcept;
  [[nodiscard]] size_t first_to_give_way() const;
  void preempt(size_t running_idx);
  void admit_waiting();
  [[nodiscard]] int64_t spare_pages() const noexcept;
  [[nodiscard]] bool may_fit(const Sequence& sequence, int64_t spare) const noexcept;
  [[nodiscard]] bool try_admit(Sequence& sequence);
  void publish_pages(Sequence& sequence);
  void restore_pages();
  void restore_page(Sequence& sequence);
  void plan_prefill(int64_t decoding, std::vector<PlannedChunk>& chunks);

  PagePool& pool_;
  PrefixCache* prefixes_;
  int64_t chunk_tokens_;
  size_t prefill_turn_ = 0;  // whose prompt is served first; moves on with each step
  int64_t arrivals_ = 0;     // since the beginning
  int64_t published_pages_ = 0;
  int64_t preemptions_ = 0;
  std::deque<std::unique_ptr<Sequence>> waiting_;   // in order of arrival
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission
  std::vector<const Sequence*> restored_;
};

}  // namespace levin::runtime
