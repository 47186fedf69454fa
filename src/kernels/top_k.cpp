#include "kernels/top_k.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace levin::kernels {
namespace {

// Floats and integers in the same order (-0 just below +0); its own inverse.
int32_t order_of(float value) {
  const auto bits = std::bit_cast<int32_t>(value);
  return bits >= 0 ? bits : bits ^ 0x7FFFFFFF;
}
float value_at(int32_t order) {
  return std::bit_cast<float>(order >= 0 ? order : order ^ 0x7FFFFFFF);
}

int64_t count_above(const float* scores, int64_t count, float threshold) {
  int32_t above = 0;
  for (int64_t i = 0; i < count; ++i) {
    above += scores[i] > threshold ? 1 : 0;
  }
  return above;
}

/// The k-th largest score. Bisection over the bits of a float: at most 32 counting passes, which
/// the compiler vectorises, whatever the order of the scores.
float kth_largest(const float* scores, int64_t count, int64_t k) {
  float smallest = scores[0];
  float largest = scores[0];
  for (int64_t i = 1; i < count; ++i) {
    smallest = std::min(smallest, scores[i]);
    largest = std::max(largest, scores[i]);
  }
  // Fewer than k scores exceed value_at(high); at least k exceed everything below `low`.
  int64_t low = order_of(smallest);
  int64_t high = order_of(largest);
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (count_above(scores, count, value_at(static_cast<int32_t>(middle))) < k) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return value_at(static_cast<int32_t>(low));
}

}  // namespace

TopKStream::TopKStream(const OpTable& table, int64_t k, float* scores, int32_t* positions) noexcept
    : table_(table),
      k_(k),
      scores_(scores),
      positions_(positions),
      threshold_(-std::numeric_limits<float>::infinity()) {}

void TopKStream::push(const float* scores, int64_t count, int64_t first_pos) noexcept {
  if (count_ + count > capacity(k_)) {
    keep_best();
  }
  count_ += table_.append_above(scores, count, static_cast<int32_t>(first_pos), threshold_,
                                scores_ + count_, positions_ + count_);
}

void TopKStream::keep_best() noexcept {
  threshold_ = kth_largest(scores_, count_, k_);
  int64_t ties = k_ - count_above(scores_, count_, threshold_);
  int64_t kept = 0;
  for (int64_t i = 0; i < count_; ++i) {
    const bool is_tie = scores_[i] == threshold_;
    const bool stays = scores_[i] > threshold_ || (is_tie && ties > 0);
    ties -= is_tie ? 1 : 0;
    scores_[kept] = scores_[i];
    positions_[kept] = positions_[i];
    kept += stays ? 1 : 0;
  }
  count_ = kept;
}

void TopKStream::finish(int32_t* selected) noexcept {
  if (count_ > k_) {
    keep_best();
  }
  // Short of k only if fewer scores exceed -inf: the lowest of the other positions tie at -inf.
  int64_t others = k_ - count_;
  int64_t next = 0;
  int32_t pos = 0;
  for (int64_t i = 0; i < k_; ++i) {
    while (others > 0 && next < count_ && positions_[next] == pos) {
      selected[i++] = positions_[next++];
      ++pos;
    }
    if (others > 0) {
      selected[i] = pos++;
      --others;
    } else {
      selected[i] = positions_[next++];
    }
  }
}

}  // namespace levin::kernels
