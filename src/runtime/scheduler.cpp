#include "runtime/scheduler.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "runtime/prefill_shares.h"

namespace levin::runtime {
namespace {

using kernels::kPageTokens;

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

int64_t outlook_pages(const Sequence& sequence) noexcept {
  return pages_for_tokens(std::min(sequence.max_tokens, sequence.token_count() + kOutlookTokens));
}

Scheduler::Scheduler(PagePool& pool, PrefixCache* prefixes, int64_t chunk_tokens)
    : pool_(pool), prefixes_(prefixes), chunk_tokens_(chunk_tokens) {}

void Scheduler::add(std::unique_ptr<Sequence> sequence) {
  LEVIN_CHECK(pages_for_tokens(sequence->max_tokens) <= pool_.capacity_pages());
  sequence->arrival = arrivals_++;
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

const Sequence* Scheduler::first_waiting() const noexcept {
  const auto first =
      std::ranges::find_if(waiting_, [](const auto& sequence) { return !sequence->is_paused; });
  return first == waiting_.end() ? nullptr : first->get();
}

std::vector<PlannedChunk> Scheduler::plan() {
  grow_answers();
  admit_waiting();
  while (is_held_up()) {
    preempt(first_to_give_way());
    admit_waiting();
  }
  restore_pages();
  std::vector<PlannedChunk> chunks;
  for (const auto& sequence : running_) {
    if (sequence->is_answering() && !sequence->is_paused) {
      chunks.push_back({.sequence = sequence.get(), .tokens = 1, .is_decode = true});
    }
  }
  plan_prefill(static_cast<int64_t>(chunks.size()), chunks);
  return chunks;
}

/// Somebody waits for pages although only paused sequences have any.
bool Scheduler::is_held_up() const noexcept {
  return first_waiting() != nullptr && !running_.empty() &&
         std::ranges::all_of(running_, [](const auto& sequence) { return sequence->is_paused; });
}

/// All prompts share the budget of tokens, and those whose rows all give logits one of rows, too.
void Scheduler::plan_prefill(int64_t decoding, std::vector<PlannedChunk>& chunks) {
  std::vector<Sequence*> prompts;
  std::vector<int64_t> remaining;
  std::vector<int64_t> scored;  // of the remaining tokens
  for (const auto& sequence : running_) {
    if (!sequence->is_answering() && !sequence->is_paused && sequence->pages_to_restore == 0) {
      prompts.push_back(sequence.get());
      remaining.push_back(sequence->next_tokens());
      scored.push_back(sequence->gives_scores() ? remaining.back() : 0);
    }
  }
  const size_t first = prefill_turn_++;
  const std::vector<int64_t> rows = split_prefill(scored_rows_budget(decoding), scored, first);
  for (size_t i = 0; i < prompts.size(); ++i) {
    remaining[i] = prompts[i]->gives_scores() ? rows[i] : remaining[i];
  }
  const std::vector<int64_t> shares =
      split_prefill(prefill_budget(decoding, chunk_tokens_), remaining, first);
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (shares[i] > 0) {
      chunks.push_back({.sequence = prompts[i],
                        .tokens = shares[i],
                        .is_decode = !prompts[i]->is_prefilling(),
                        .is_recomputed = prompts[i]->is_recomputing()});
    }
  }
}

/// Every answer gets the page of its next token, the oldest first.
void Scheduler::grow_answers() {
  std::vector<Sequence*> answers;
  for (const auto& sequence : running_) {
    if (sequence->is_answering() && !sequence->is_paused) {
      answers.push_back(sequence.get());
    }
  }
  std::ranges::sort(answers, {}, &Sequence::arrival);
  for (Sequence* answer : answers) {
    while (answer->pages != nullptr && !answer->pages->try_reserve(answer->computed_tokens + 1)) {
      preempt(first_to_give_way());
    }
  }
}

/// Of those that run: the youngest, one that is paused before all that are not.
size_t Scheduler::first_to_give_way() const {
  const auto last = std::ranges::max_element(running_, {}, [](const auto& sequence) {
    return std::pair(sequence->is_paused, sequence->arrival);
  });
  return static_cast<size_t>(last - running_.begin());
}

void Scheduler::preempt(size_t running_idx) {
  const auto running = running_.begin() + static_cast<std::ptrdiff_t>(running_idx);
  const auto place = waiting_.emplace(std::ranges::lower_bound(
      waiting_, (*running)->arrival, {}, [](const auto& waiting) { return waiting->arrival; }));
  *place = std::move(*running);
  running_.erase(running);
  Sequence& sequence = **place;
  sequence.pages.reset();
  sequence.computed_tokens = 0;
  sequence.pages_to_restore = 0;
  sequence.chain_pages = 0;
  sequence.refusal.reset();
  sequence.was_preempted = true;
  if (sequence.told_tokens == 0) {  // nothing of the prompt was read; it begins anew
    sequence.cached_tokens = 0;
    sequence.restored_tokens = 0;
  }
  ++preemptions_;
}

/// In the order of arrival; what fits overtakes what does not. Nobody waits for a paused one.
void Scheduler::admit_waiting() {
  int refusals = 0;
  int room = kMostOvertakers;  // how many more may pass those that stay behind
  int behind = 0;              // how many stay behind
  int64_t spare = spare_pages();
  for (auto next = waiting_.begin();
       next != waiting_.end() && refusals < kMostRefusals && room > 0;) {
    Sequence& sequence = **next;
    if (sequence.is_paused) {
      ++next;
      continue;
    }
    const bool is_tried = may_fit(sequence, spare);
    running_.reserve(running_.size() + 1);
    if (is_tried && try_admit(sequence)) {
      std::for_each(waiting_.begin(), next,
                    [](const auto& passed) { passed->overtakers += passed->is_paused ? 0 : 1; });
      room -= behind > 0 ? 1 : 0;
      running_.push_back(std::move(*next));
      next = waiting_.erase(next);
      spare = spare_pages();
    } else {
      refusals += is_tried ? 1 : 0;
      room = std::min(room, sequence.was_preempted ? 0 : kMostOvertakers - sequence.overtakers);
      ++behind;
      ++next;
    }
  }
}

/// Pages that nobody has, is promised or, within the outlook, is going to need.
int64_t Scheduler::spare_pages() const noexcept {
  int64_t spare = pool_.available_pages();
  for (const auto& sequence : running_) {
    if (!sequence->is_paused) {
      spare -= std::max<int64_t>(0, outlook_pages(*sequence) - sequence->pages->promised_pages());
    }
  }
  return spare;
}

/// False if the pages are what they were when the sequence was refused, or fewer.
bool Scheduler::may_fit(const Sequence& sequence, int64_t spare) const noexcept {
  return !sequence.refusal.has_value() || spare > sequence.refusal->spare_pages ||
         published_pages_ > sequence.refusal->published_pages;
}

bool Scheduler::try_admit(Sequence& sequence) {
  auto pages = std::make_unique<PageTable>(pool_, pages_for_tokens(sequence.max_tokens));
  PrefixCache::Match match;
  const Sharers sharers{.salt = sequence.request.prefix_salt,
                        .is_dense = sequence.request.is_dense};
  const auto reusable =
      std::span(sequence.request.prompt).first(static_cast<size_t>(sequence.reusable_tokens()));
  if (prefixes_ != nullptr) {
    match = prefixes_->match(sharers, reusable);
    pages->adopt(match.pages);
  }
  const int64_t shared = pages->promised_pages();
  if (spare_pages() < outlook_pages(sequence) - shared ||
      !pages->try_reserve(sequence.token_count())) {
    pages.reset();
    sequence.refusal = {.spare_pages = spare_pages(), .published_pages = published_pages_};
    return false;
  }
  int64_t on_disk = 0;
  if (prefixes_ != nullptr) {
    prefixes_->note_use(sharers, reusable, match);
    on_disk = prefixes_->pages_on_disk(match.end,
                                       reusable.subspan(static_cast<size_t>(shared * kPageTokens)));
  }
  sequence.pages = std::move(pages);
  sequence.chain = match.end;
  sequence.chain_pages = shared;
  sequence.pages_to_restore = on_disk;
  sequence.computed_tokens = shared * kPageTokens;
  if (sequence.told_tokens == 0) {
    sequence.cached_tokens = sequence.computed_tokens;
    sequence.restored_tokens = 0;
  }
  return true;
}

/// Pages from disk are read in portions, so that the answers of others go on in between.
void Scheduler::restore_pages() {
  const bool is_alone = running_.size() == 1;
  int64_t budget_bytes = is_alone ? kRestoreBytesAlone : kRestoreBytesMixed;
  restored_.clear();
  for (const auto& sequence : running_) {
    const int64_t before = sequence->computed_tokens;
    while (sequence->pages_to_restore > 0 && !sequence->is_paused && budget_bytes > 0) {
      restore_page(*sequence);
      budget_bytes -= pool_.page_bytes();
    }
    if (sequence->computed_tokens > std::max(before, sequence->told_tokens)) {
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
  sequence.computed_tokens += kPageTokens;
  if (sequence.told_tokens == 0) {
    sequence.cached_tokens += kPageTokens;
    sequence.restored_tokens += kPageTokens;
  }
}

void Scheduler::commit(const PlannedChunk& chunk) {
  Sequence& sequence = *chunk.sequence;
  sequence.computed_tokens += chunk.tokens;
  sequence.told_tokens = std::max(sequence.told_tokens, sequence.computed_tokens);
  if (prefixes_ != nullptr && !chunk.is_decode) {
    publish_pages(sequence);
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
