#include "kernels/top_k.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace levin::kernels {
namespace {

// A float as an integer of the same order, so that counting and comparing vectorise; both zeros
// are 0.
int32_t order_of(float value) {
  const auto bits = std::bit_cast<int32_t>(value + 0.0F);
  return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}
float value_of(int32_t order) { return std::bit_cast<float>(order ^ ((order >> 31) & 0x7FFFFFFF)); }

int64_t count_above(const int32_t* orders, int64_t count, int32_t bar) {
  int32_t above = 0;
  for (int64_t i = 0; i < count; ++i) {
    above += orders[i] > bar ? 1 : 0;
  }
  return above;
}

int32_t smallest_above(const int32_t* orders, int64_t count, int32_t bar) {
  int32_t smallest = std::numeric_limits<int32_t>::max();
  for (int64_t i = 0; i < count; ++i) {
    const int32_t order = orders[i] > bar ? orders[i] : std::numeric_limits<int32_t>::max();
    smallest = std::min(smallest, order);
  }
  return smallest;
}

/// The k-th largest number. Bisection over its bits: at most 32 counting passes, fewer without
/// ties, whatever the order of the numbers.
int32_t kth_largest(const int32_t* orders, int64_t count, int64_t k) {
  int32_t smallest = orders[0];
  int32_t largest = orders[0];
  for (int64_t i = 1; i < count; ++i) {
    smallest = std::min(smallest, orders[i]);
    largest = std::max(largest, orders[i]);
  }
  // Fewer than k numbers exceed `high`; at least k exceed every number below `low`.
  int64_t low = smallest;
  int64_t high = largest;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto bar = static_cast<int32_t>(middle);
    const int64_t above = count_above(orders, count, bar);
    if (above == k) {
      return smallest_above(orders, count, bar);
    }
    if (above < k) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return static_cast<int32_t>(low);
}

}  // namespace

TopKStream::TopKStream(const OpTable& table, int64_t k, const Buffers& buffers) noexcept
    : table_(table),
      k_(k),
      buffers_(buffers),
      threshold_(-std::numeric_limits<float>::infinity()) {}

void TopKStream::push(const float* scores, int64_t count, int64_t first_pos) noexcept {
  if (count_ + count > capacity(k_)) {
    keep_best();
  }
  count_ += table_.append_above(scores, count, static_cast<int32_t>(first_pos), threshold_,
                                buffers_.scores + count_, buffers_.positions + count_);
}

void TopKStream::keep_best() noexcept {
  float* scores = buffers_.scores;
  int32_t* positions = buffers_.positions;
  int32_t* orders = buffers_.orders;
  for (int64_t i = 0; i < count_; ++i) {
    orders[i] = order_of(scores[i]);
  }
  const int32_t bar = kth_largest(orders, count_, k_);
  threshold_ = value_of(bar);
  int64_t ties = k_ - count_above(orders, count_, bar);  // how many of them stay
  int64_t kept = 0;
  for (int64_t i = 0; i < count_; ++i) {
    const bool is_tie = orders[i] == bar;
    const bool stays = orders[i] > bar || (is_tie && ties > 0);
    ties -= is_tie ? 1 : 0;
    scores[kept] = scores[i];
    positions[kept] = positions[i];
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
    while (others > 0 && next < count_ && buffers_.positions[next] == pos) {
      selected[i++] = buffers_.positions[next++];
      ++pos;
    }
    if (others > 0) {
      selected[i] = pos++;
      --others;
    } else {
      selected[i] = buffers_.positions[next++];
    }
  }
}

}  // namespace levin::kernels
