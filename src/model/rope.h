// Rotary angles with YaRN.
// Source: model.md 1.4; DeepSeek-V3.2-Exp inference/model.py, precompute_freqs_cis.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/rows.h"
#include "model/config.h"
#include "tensor/buffer.h"

namespace levin::model {

/// Angle per position of each pair, [qk_rope_head_dim / 2]: theta^(-2i/dim), blended with its
/// factor-th part by YaRN's ramp. Computed in float32 like the official code.
std::vector<float> rope_frequencies(const Config& config);

/// What cos and sin are multiplied with: 1 unless mscale and mscale_all_dim differ.
float rope_magnitude(const Config& config);

/// Cosines and sines of the tokens of one step.
class RopeTable {
 public:
  explicit RopeTable(const Config& config);

  /// Computes the angles of tokens at these positions; row i belongs to positions[i].
  void set_positions(const std::vector<int64_t>& positions);

  /// Valid until the next set_positions.
  [[nodiscard]] kernels::RopeAngles angles() const;

 private:
  std::vector<float> frequencies_;  // [qk_rope_head_dim / 2]
  float magnitude_;
  tensor::Tensor<float, 2> cos_;  // [tokens, qk_rope_head_dim / 2]
  tensor::Tensor<float, 2> sin_;  // [tokens, qk_rope_head_dim / 2]
};

}  // namespace levin::model
