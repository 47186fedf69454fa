// Rotary position embedding of a pack: positions restart at every document.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/config.h"
#include "train/nn/documents.h"

namespace levin::train::nn {

/// Angle per position of each of the qk_rope_head_dim / 2 pairs, YaRN applied (docs/model.md 1.4).
std::vector<double> rotary_frequencies(const model::Config& config);

/// cos and sin of every token's angles.
struct RotaryTable {
  at::Tensor cos;  ///< [tokens, qk_rope_head_dim / 2]
  at::Tensor sin;  ///< [tokens, qk_rope_head_dim / 2]
};

/// Angles are the official float32 products of position and frequency; cos and sin are taken in f64
/// and given in `dtype`, times mscale(mscale) / mscale(mscale_all_dim) with YaRN (1 in every
/// DeepSeek release).
RotaryTable make_rotary_table(const model::Config& config, const Documents& documents,
                              at::ScalarType dtype);

/// MLA: rotates the pairs (2i, 2i + 1) of the last dimension. Differentiable. Copies x only where a
/// pair does not begin at an even place of its storage.
///   x  [tokens, heads, qk_rope_head_dim], last dimension contiguous
at::Tensor rotate_pairs(const at::Tensor& x, const RotaryTable& table);

/// DeepSeek's indexer: rotates the pairs (i, i + qk_rope_head_dim / 2). Shapes as rotate_pairs.
at::Tensor rotate_halves(const at::Tensor& x, const RotaryTable& table);

}  // namespace levin::train::nn
