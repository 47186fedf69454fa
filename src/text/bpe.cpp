#include "text/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "base/error.h"

namespace levin::text {
namespace {

constexpr uint32_t kMergesBetweenPauses = 1U << 16;
constexpr uint32_t kNoMerge = std::numeric_limits<uint32_t>::max();

uint64_t queue_entry(uint32_t rank, uint32_t pos) noexcept {
  return (static_cast<uint64_t>(rank) << 32) | pos;
}

void push(std::vector<uint64_t>& queue, uint64_t entry) {
  queue.push_back(entry);
  std::push_heap(queue.begin(), queue.end(), std::greater<>());
}

uint64_t pop(std::vector<uint64_t>& queue) {
  std::pop_heap(queue.begin(), queue.end(), std::greater<>());
  const uint64_t entry = queue.back();
  queue.pop_back();
  return entry;
}

}  // namespace

BytePairEncoder::BytePairEncoder(const std::array<int32_t, 256>& byte_ids,
                                 const std::vector<Merge>& merges)
    : byte_ids_(byte_ids) {
  LEVIN_CHECK(merges.size() < kNoMerge);
  merged_ids_.reserve(merges.size());
  ranks_.reserve(merges.size());
  for (const Merge& merge : merges) {
    const auto rank = static_cast<uint32_t>(merged_ids_.size());
    ranks_.insert_or_assign(pair_key(merge.left, merge.right), rank);
    merged_ids_.push_back(merge.merged);
  }
}

uint32_t BytePairEncoder::rank_of(int32_t left, int32_t right) const {
  const auto found = ranks_.find(pair_key(left, right));
  return found == ranks_.end() ? kNoMerge : found->second;
}

void BytePairEncoder::start(std::string_view piece, BpeScratch& scratch) const {
  const auto length = static_cast<uint32_t>(piece.size());
  scratch.ids.resize(length);
  scratch.ranks.resize(length);
  scratch.next.resize(length);
  scratch.prev.resize(length);
  scratch.queue.clear();
  for (uint32_t pos = 0; pos < length; ++pos) {
    scratch.ids[pos] = byte_ids_[static_cast<uint8_t>(piece[pos])];
    scratch.next[pos] = pos + 1;
    scratch.prev[pos] = pos - 1;  // wraps for the first, which is never asked
  }
  for (uint32_t pos = 0; pos < length; ++pos) {
    scratch.ranks[pos] =
        pos + 1 < length ? rank_of(scratch.ids[pos], scratch.ids[pos + 1]) : kNoMerge;
    if (scratch.ranks[pos] != kNoMerge) {
      scratch.queue.push_back(queue_entry(scratch.ranks[pos], pos));
    }
  }
  std::make_heap(scratch.queue.begin(), scratch.queue.end(), std::greater<>());
}

void BytePairEncoder::apply_merge(uint32_t pos, uint32_t length, BpeScratch& scratch) const {
  const uint32_t absorbed = scratch.next[pos];
  const uint32_t after = scratch.next[absorbed];
  scratch.ids[pos] = merged_ids_[scratch.ranks[pos]];
  scratch.ranks[absorbed] = kNoMerge;
  scratch.next[pos] = after;
  scratch.ranks[pos] = kNoMerge;
  if (after < length) {
    scratch.prev[after] = pos;
    scratch.ranks[pos] = rank_of(scratch.ids[pos], scratch.ids[after]);
    if (scratch.ranks[pos] != kNoMerge) {
      push(scratch.queue, queue_entry(scratch.ranks[pos], pos));
    }
  }
  if (pos > 0) {
    const uint32_t before = scratch.prev[pos];
    scratch.ranks[before] = rank_of(scratch.ids[before], scratch.ids[pos]);
    if (scratch.ranks[before] != kNoMerge) {
      push(scratch.queue, queue_entry(scratch.ranks[before], before));
    }
  }
}

void BytePairEncoder::encode(std::string_view piece, BpeScratch& scratch, std::vector<int32_t>& out,
                             base::FunctionRef<void()> pause) const {
  LEVIN_CHECK(piece.size() < kNoMerge);
  const auto length = static_cast<uint32_t>(piece.size());
  start(piece, scratch);
  for (uint32_t merges = 1; !scratch.queue.empty(); ++merges) {
    if (merges % kMergesBetweenPauses == 0) {
      pause();
    }
    const uint64_t entry = pop(scratch.queue);
    const auto pos = static_cast<uint32_t>(entry);
    // An entry is stale once its pair was changed by another merge.
    if (scratch.ranks[pos] == static_cast<uint32_t>(entry >> 32)) {
      apply_merge(pos, length, scratch);
    }
  }
  for (uint32_t pos = 0; pos < length; pos = scratch.next[pos]) {
    out.push_back(scratch.ids[pos]);
  }
}

}  // namespace levin::text
