#include "runtime/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;

// Below 64 tokens a chunk reads the weights for too little work; above 256 the answers of others
// visibly halt.
constexpr int64_t kMinChunkTokens = 64;
constexpr int64_t kMaxMixedChunkTokens = 256;
// With the logits of every row: 128 rows of 129,280 floats are 66 MB.
constexpr int64_t kMaxLogitsChunkTokens = 128;

template <typename Sequences>
std::unique_ptr<Sequence> take(Sequences& sequences, RequestId id) {
  const auto found =
      std::ranges::find_if(sequences, [id](const auto& sequence) { return sequence->id == id; });
  if (found == sequences.end()) {
    return nullptr;
  }
  std::unique_ptr<Sequence> sequence = std::move(*found);
  sequences.erase(found);
  return sequence;
}

}  // namespace

int64_t prefill_budget(int64_t decoding, int64_t chunk_tokens) {
  if (decoding == 0) {
    return chunk_tokens;
  }
  return std::min(chunk_tokens, std::clamp(kMaxMixedChunkTokens / decoding, kMinChunkTokens,
                                           kMaxMixedChunkTokens));
}

std::vector<int64_t> split_prefill(int64_t budget, std::span<const int64_t> remaining,
                                   size_t first) {
  std::vector<int64_t> shares(remaining.size());
  if (remaining.empty()) {
    return shares;
  }
  const int64_t equal_share =
      std::max(kMinChunkTokens, budget / static_cast<int64_t>(remaining.size()));
  for (const int64_t limit : {equal_share, budget}) {
    for (size_t i = 0; i < remaining.size(); ++i) {
      const size_t prompt = (first + i) % remaining.size();
      const int64_t more = std::min({limit, remaining[prompt] - shares[prompt], budget});
      shares[prompt] += more;
      budget -= more;
    }
  }
  return shares;
}

Scheduler::Scheduler(PagePool& pool, PrefixCache* prefixes, int64_t chunk_tokens)
    : pool_(pool), prefixes_(prefixes), chunk_tokens_(chunk_tokens) {}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  LEVIN_CHECK(pages_for_tokens(sequence->max_tokens) <= pool_.capacity_pages());
  waiting_.push_back(std::move(sequence));
}

std::unique_ptr<Sequence> Scheduler::remove(RequestId id) noexcept {
  if (auto sequence = take(running_, id)) {
    return sequence;
  }
  return take(waiting_, id);
}

void Scheduler::set_paused(RequestId id, bool is_paused) noexcept {
  const auto pause = [&](auto& sequences) {
    for (const auto& sequence : sequences) {
      sequence->is_paused = sequence->id == id ? is_paused : sequence->is_paused;
    }
  };
  pause(running_);
  pause(waiting_);
}

std::vector<PlannedChunk> Scheduler::plan() {
  admit_waiting();
  restore_pages();
  std::vector<PlannedChunk> chunks;
  for (const auto& sequence : running_) {
    if (!sequence->is_prefilling() && !sequence->is_paused) {
      chunks.push_back({.sequence = sequence.get(), .tokens = 1, .is_decode = true});
    }
  }
  plan_prefill(static_cast<int64_t>(chunks.size()), chunks);
  return chunks;
}

void Scheduler::plan_prefill(int64_t decoding, std::vector<PlannedChunk>& chunks) {
  std::vector<Sequence*> prompts;
  std::vector<int64_t> remaining;
  for (const auto& sequence : running_) {
    if (sequence->is_prefilling() && !sequence->is_paused && sequence->pages_to_restore == 0) {
      prompts.push_back(sequence.get());
      const int64_t left = sequence->prompt_tokens() - sequence->computed_tokens;
      remaining.push_back(
          sequence->request.wants_prompt_logprobs ? std::min(left, kMaxLogitsChunkTokens) : left);
    }
  }
  const std::vector<int64_t> shares =
      split_prefill(prefill_budget(decoding, chunk_tokens_), remaining, prefill_turn_++);
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (shares[i] > 0) {
      chunks.push_back({.sequence = prompts[i], .tokens = shares[i], .is_decode = false});
    }
  }
}

/// In the order of arrival; what fits overtakes what does not.
void Scheduler::admit_waiting() {
  int refusals = 0;
  int room = kMostOvertakers;  // how many more may pass those that stay behind
  for (auto next = waiting_.begin();
       next != waiting_.end() && refusals < kMostRefusals && room > 0;) {
    Sequence& sequence = **next;
    const bool is_tried = may_fit_now(sequence);
    if (is_tried && try_admit(sequence)) {
      std::for_each(waiting_.begin(), next, [](const auto& passed) { ++passed->overtakers; });
      room -= next == waiting_.begin() ? 0 : 1;
      running_.push_back(std::move(*next));
      next = waiting_.erase(next);
    } else {
      refusals += is_tried ? 1 : 0;
      room = std::min(room, kMostOvertakers - sequence.overtakers);
      ++next;
    }
  }
}

/// False if the pages are what they were when the sequence was refused, or fewer.
bool Scheduler::may_fit_now(const Sequence& sequence) const {
  return !sequence.refusal.has_value() ||
         pool_.available_pages() > sequence.refusal->available_pages ||
         published_pages_ > sequence.refusal->published_pages;
}

bool Scheduler::try_admit(Sequence& sequence) {
  PrefixCache::Match match;
  const Sharers sharers{.salt = sequence.request.prefix_salt,
                        .is_dense = sequence.request.is_dense};
  // One token of the prompt is always left to compute: its logits give the answer's first token.
  const auto reusable = std::span(sequence.request.prompt)
                            .first(sequence.request.wants_prompt_logprobs
                                       ? 0
                                       : static_cast<size_t>(sequence.prompt_tokens() - 1));
  if (prefixes_ != nullptr) {
    match = prefixes_->match(sharers, reusable);
  }
  const auto shared = static_cast<int64_t>(match.pages.size());
  const int64_t needed = pages_for_tokens(sequence.max_tokens) - shared;
  const bool is_admitted = pool_.try_reserve(needed);
  auto pages = std::make_unique<PageTable>(pool_, match.pages, is_admitted ? needed : 0);
  if (!is_admitted) {
    pages.reset();
    sequence.refusal = {.available_pages = pool_.available_pages(),
                        .published_pages = published_pages_};
    return false;
  }
  sequence.pages = std::move(pages);
  sequence.chain = match.end;
  sequence.chain_pages = shared;
  sequence.cached_tokens = shared * kPageTokens;
  sequence.computed_tokens = sequence.cached_tokens;
  if (prefixes_ != nullptr) {
    prefixes_->note_use(sharers, reusable, match);
    sequence.pages_to_restore = prefixes_->pages_on_disk(
        match.end, reusable.subspan(static_cast<size_t>(sequence.cached_tokens)));
  }
  return true;
}

/// Pages from disk are read in portions, so that the answers of others go on in between.
void Scheduler::restore_pages() {
  const bool is_alone = running_.size() == 1;
  int64_t budget_bytes = is_alone ? kRestoreBytesAlone : kRestoreBytesMixed;
  restored_.clear();
  for (const auto& sequence : running_) {
    const int64_t before = sequence->restored_tokens;
    while (sequence->pages_to_restore > 0 && !sequence->is_paused && budget_bytes > 0) {
      restore_page(*sequence);
      budget_bytes -= pool_.page_bytes();
    }
    if (sequence->restored_tokens > before) {
      restored_.push_back(sequence.get());
    }
  }
}

/// What cannot be restored is computed, with everything behind it.
void Scheduler::restore_page(Sequence& sequence) {
  const int64_t first_pos = sequence.chain_pages * kPageTokens;
  try {
    sequence.pages->cover_tokens(first_pos + kPageTokens);
  } catch (const base::Error&) {
    sequence.pages_to_restore = 0;  // prefill meets the same want of memory, and reports it
    return;
  }
  const auto ids = std::span(sequence.request.prompt)
                       .subspan(static_cast<size_t>(first_pos), static_cast<size_t>(kPageTokens));
  const auto restored =
      prefixes_->try_restore(sequence.chain, ids, sequence.pages->page(sequence.chain_pages));
  if (!restored.has_value()) {
    sequence.pages_to_restore = 0;
    return;
  }
  ++published_pages_;
  sequence.pages->replace(sequence.chain_pages, restored->page);
  sequence.chain = restored->end;
  ++sequence.chain_pages;
  --sequence.pages_to_restore;
  sequence.cached_tokens += kPageTokens;
  sequence.restored_tokens += kPageTokens;
  sequence.computed_tokens += kPageTokens;
}

void Scheduler::commit(const PlannedChunk& chunk) {
  chunk.sequence->computed_tokens += chunk.tokens;
  if (prefixes_ != nullptr && !chunk.is_decode) {
    publish_pages(*chunk.sequence);
  }
}

void Scheduler::publish_pages(Sequence& sequence) {
  const int64_t full_pages = sequence.computed_tokens / kPageTokens;
  for (; sequence.chain_pages < full_pages; ++sequence.chain_pages) {
    const auto ids = std::span(sequence.request.prompt)
                         .subspan(static_cast<size_t>(sequence.chain_pages * kPageTokens),
                                  static_cast<size_t>(kPageTokens));
    const PrefixCache::Published published =
        prefixes_->publish(sequence.chain, ids, sequence.pages->page(sequence.chain_pages));
    ++published_pages_;
    sequence.pages->replace(sequence.chain_pages, published.page);
    sequence.chain = published.end;
  }
}

}  // namespace levin::runtime
