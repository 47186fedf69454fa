// The best k of a stream of scores, in bounded memory and exactly.
#pragma once

#include <cstdint>

#include "kernels/op_table.h"

namespace levin::kernels {

/// Scores arrive in order of position. The best k are those with the largest scores; among equal
/// scores the lower position wins; NaN counts as -inf.
///
/// Candidates gather in a buffer of a few times k. When it is full, the best k stay, and the k-th
/// score becomes the threshold: a later score must exceed it, because on a tie the earlier position
/// wins.
class TopKStream {
 public:
  /// Most scores of one push.
  static constexpr int64_t kPushScores = 64;

  /// Memory of a stream, each [capacity(k)]; it outlives the stream.
  struct Buffers {
    float* scores;
    int32_t* positions;
    int32_t* orders;
  };

  /// Numbers that each buffer of a stream must hold.
  [[nodiscard]] static constexpr int64_t capacity(int64_t k) noexcept {
    return k + (k < 1024 ? 1024 : k) + kPushScores;
  }

  TopKStream(const OpTable& table, int64_t k, const Buffers& buffers) noexcept;

  /// The scores of positions first_pos, first_pos + 1, ..., `count` <= kPushScores of them.
  void push(const float* scores, int64_t count, int64_t first_pos) noexcept;

  /// Writes the positions of the best k, ascending, and ends the stream. At least k scores must
  /// have been pushed, the first of them at position 0.
  void finish(int32_t* selected) noexcept;

 private:
  void keep_best() noexcept;

  const OpTable& table_;
  int64_t k_;
  Buffers buffers_;  // positions ascending
  int64_t count_ = 0;
  float threshold_;
};

}  // namespace levin::kernels
