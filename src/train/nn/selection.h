// The tokens that each query may attend to.
#pragma once

#include <ATen/core/Tensor.h>

namespace levin::train::nn {

/// S_t of every query token t, one set for all heads.
struct Selection {
  /// [tokens, topk] i32, contiguous: positions in the pack, each in t's document and not after t,
  /// none twice, at least one; the valid ones first, then -1 where a row holds fewer than topk.
  at::Tensor positions;

  [[nodiscard]] int64_t tokens() const { return positions.size(0); }
  [[nodiscard]] int64_t topk() const { return positions.size(1); }
};

}  // namespace levin::train::nn
