// The tokens of pieces of text that one call of encode has seen before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace levin::text {

/// Forgets: by its hash a piece has one place, which a later one may take. So a text whose pieces
/// were chosen to have one hash makes the cache useless, but never slow.
class PieceCache {
 public:
  /// The ids of `piece`, which is not empty; null if they are not known. Valid until the next add.
  [[nodiscard]] const std::vector<int32_t>* find(std::string_view piece) const {
    if (slots_.empty()) {
      return nullptr;
    }
    const Slot& slot = slots_[place_of(piece)];
    return slot.piece == piece ? &slot.ids : nullptr;
  }

  void add(std::string_view piece, std::span<const int32_t> ids) {
    if (taken_ >= slots_.size() / 2 && slots_.size() < kMaxSlots) {
      grow();
    }
    Slot& slot = slots_[place_of(piece)];
    taken_ += slot.piece.empty() ? 1 : 0;
    slot.piece.assign(piece);
    slot.ids.assign(ids.begin(), ids.end());
  }

 private:
  // Powers of two.
  static constexpr size_t kFirstSlots = 64;
  static constexpr size_t kMaxSlots = 65536;

  struct Slot {
    std::string piece;  // empty: free
    std::vector<int32_t> ids;
  };

  [[nodiscard]] size_t place_of(std::string_view piece) const {
    return std::hash<std::string_view>()(piece) & (slots_.size() - 1);
  }

  /// Pieces of different places stay apart: there is one more bit to tell them by.
  void grow() {
    std::vector<Slot> old = std::exchange(slots_, {});
    slots_.resize(old.empty() ? kFirstSlots : 2 * old.size());
    for (Slot& slot : old) {
      if (!slot.piece.empty()) {
        slots_[place_of(slot.piece)] = std::move(slot);
      }
    }
  }

  std::vector<Slot> slots_;
  size_t taken_ = 0;
};

}  // namespace levin::text
