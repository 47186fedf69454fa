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

std::vector<PlannedChunk> Scheduler::plan() {
  admit_waiting();
  std::vector<PlannedChunk> chunks;
  for (const auto& sequence : running_) {
    if (!sequence->is_prefilling()) {
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
    if (sequence->is_prefilling()) {
      prompts.push_back(sequence.get());
      remaining.push_back(sequence->prompt_tokens() - sequence->computed_tokens);
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

void Scheduler::admit_waiting() {
  while (!waiting_.empty() && try_admit(*waiting_.front())) {
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Scheduler::try_admit(Sequence& sequence) {
  PrefixCache::Match match;
  match.end.salt = sequence.request.prefix_salt;
  if (prefixes_ != nullptr) {
    // One token of the prompt is always left to compute: its logits give the answer's first token.
    const auto reusable = static_cast<size_t>(sequence.prompt_tokens() - 1);
    match = prefixes_->match(sequence.request.prefix_salt,
                             std::span(sequence.request.prompt).first(reusable));
  }
  const auto shared = static_cast<int64_t>(match.pages.size());
  const int64_t needed = pages_for_tokens(sequence.max_tokens) - shared;
  const bool is_admitted = pool_.try_reserve(needed);
  auto pages = std::make_unique<PageTable>(pool_, match.pages, is_admitted ? needed : 0);
  if (is_admitted) {
    sequence.pages = std::move(pages);
    sequence.chain = match.end;
    sequence.chain_pages = shared;
    sequence.cached_tokens = shared * kPageTokens;
    sequence.computed_tokens = sequence.cached_tokens;
  }
  return is_admitted;
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
    sequence.pages->replace(sequence.chain_pages, published.page);
    sequence.chain = published.end;
  }
}

}  // namespace levin::runtime
