#include "model/selection_rule.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "base/integers.h"
#include "base/random.h"

namespace levin::model {
namespace {

/// The positions of a grid, ascending, then the latest ones that are not among them.
class GridAndLatest {
 public:
  GridAndLatest(int64_t position, std::span<int32_t> positions)
      : position_(position), positions_(positions) {}

  /// Grid positions come in ascending order.
  void add_grid(int64_t pos) { positions_[static_cast<size_t>(count_++)] = to_i32(pos); }

  /// Spends what the budget leaves on the latest positions.
  void fill_up() {
    const int64_t grid = count_;
    int64_t next_grid = grid - 1;
    for (int64_t pos = position_; pos >= 0 && count_ < std::ssize(positions_); --pos) {
      while (next_grid >= 0 && positions_[static_cast<size_t>(next_grid)] > pos) {
        --next_grid;
      }
      if (next_grid < 0 || positions_[static_cast<size_t>(next_grid)] != pos) {
        positions_[static_cast<size_t>(count_++)] = to_i32(pos);
      }
    }
    std::ranges::sort(positions_.first(static_cast<size_t>(count_)));
  }

 private:
  static int32_t to_i32(int64_t pos) { return static_cast<int32_t>(pos); }

  int64_t position_;
  std::span<int32_t> positions_;
  int64_t count_ = 0;
};

void write_sink_window(int64_t position, std::span<int32_t> positions) {
  GridAndLatest rows(position, positions);
  for (int64_t pos = 0; pos < std::min<int64_t>(kSinkTokens, std::ssize(positions) / 2); ++pos) {
    rows.add_grid(pos);
  }
  rows.fill_up();
}

/// The smallest stride l with visible / l + l <= budget; else the smallest that takes half of the
/// budget, which for a budget of 1 leaves the query alone.
int64_t stride_of(int64_t visible, int64_t budget) {
  for (int64_t stride = 1; stride < budget; ++stride) {
    if (base::ceil_div(visible, stride) + stride <= budget) {
      return stride;
    }
  }
  return base::ceil_div(visible, std::max<int64_t>(budget / 2, 1));
}

void write_strided(int64_t position, std::span<int32_t> positions) {
  const int64_t stride = stride_of(position + 1, std::ssize(positions));
  GridAndLatest rows(position, positions);
  for (int64_t pos = position % stride; pos <= position; pos += stride) {
    rows.add_grid(pos);
  }
  rows.fill_up();
}

void write_fixed(int64_t position, std::span<int32_t> positions) {
  const int64_t visible = position + 1;
  const int64_t half = std::ssize(positions) / 2;
  GridAndLatest rows(position, positions);
  if (half > 0) {
    const int64_t block = std::max(half, base::ceil_div(visible, half));
    const int64_t columns = half * block / visible;  // at least 1
    for (int64_t end = block; end <= visible; end += block) {
      for (int64_t pos = end - columns; pos < end; ++pos) {
        rows.add_grid(pos);
      }
    }
  }
  rows.fill_up();
}

/// A set of positions below a limit.
class BitSet {
 public:
  explicit BitSet(int64_t limit) : words_(static_cast<size_t>(limit / 64 + 1), 0) {}

  [[nodiscard]] bool contains(int64_t pos) const {
    return (words_[static_cast<size_t>(pos / 64)] >> (pos % 64) & 1) != 0;
  }
  void insert(int64_t pos) { words_[static_cast<size_t>(pos / 64)] |= uint64_t{1} << (pos % 64); }

  /// Writes the positions in ascending order.
  void list(std::span<int32_t> positions) const {
    size_t count = 0;
    for (size_t word_idx = 0; word_idx < words_.size(); ++word_idx) {
      for (uint64_t word = words_[word_idx]; word != 0; word &= word - 1) {
        positions[count++] = static_cast<int32_t>(64 * word_idx) + std::countr_zero(word);
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
};

/// Floyd's sampling of budget - 1 among the positions before the query: one draw for each.
void write_random(const SelectionRule& rule, int64_t layer_idx, int64_t position,
                  std::span<int32_t> positions) {
  const uint64_t stream =
      base::random_bits(base::random_bits(rule.seed, static_cast<uint64_t>(layer_idx)),
                        static_cast<uint64_t>(position));
  const int64_t wanted = std::ssize(positions) - 1;
  BitSet taken(position);
  for (int64_t last = position - wanted; last < position; ++last) {
    const uint64_t bits = base::random_bits(stream, static_cast<uint64_t>(last));
    const auto drawn = static_cast<int64_t>(bits % static_cast<uint64_t>(last + 1));
    taken.insert(taken.contains(drawn) ? last : drawn);
  }
  taken.list(positions);
  positions.back() = static_cast<int32_t>(position);
}

}  // namespace

std::string_view selection_kind_name(SelectionKind kind) noexcept {
  switch (kind) {
    case SelectionKind::kIndexer:
      return "indexer";
    case SelectionKind::kRecency:
      return "recency";
    case SelectionKind::kSinkWindow:
      return "sink+window";
    case SelectionKind::kStrided:
      return "strided";
    case SelectionKind::kFixed:
      return "fixed";
    case SelectionKind::kRandom:
      return "random";
  }
  return "";
}

int64_t write_pattern(const SelectionRule& rule, int64_t layer_idx, int64_t position,
                      std::span<int32_t> positions) {
  LEVIN_CHECK(rule.kind != SelectionKind::kIndexer && position >= 0 && !positions.empty());
  const int64_t visible = position + 1;
  const int64_t budget = std::ssize(positions);
  if (visible <= budget) {
    std::iota(positions.begin(), positions.begin() + visible, 0);
    return visible;
  }
  switch (rule.kind) {
    case SelectionKind::kSinkWindow:
      write_sink_window(position, positions);
      break;
    case SelectionKind::kStrided:
      write_strided(position, positions);
      break;
    case SelectionKind::kFixed:
      write_fixed(position, positions);
      break;
    case SelectionKind::kRandom:
      write_random(rule, layer_idx, position, positions);
      break;
    default:
      std::iota(positions.begin(), positions.end(), static_cast<int32_t>(visible - budget));
  }
  return budget;
}

}  // namespace levin::model
