// Row-wise ops on activations, on all threads.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/context.h"
#include "tensor/view.h"

namespace levin::kernels {

using tensor::TensorView;

/// y = RMSNorm(x): w * x / sqrt(mean(x^2) + eps), in float32.   x, y [tokens, dim]; may alias
void rms_norm(Context& ctx, TensorView<const float, 2> x, std::span<const float> weight, float eps,
              TensorView<float, 2> y);

/// y = LayerNorm(x) with weight and bias.   x, y [tokens, dim]; may alias
void layer_norm(Context& ctx, TensorView<const float, 2> x, std::span<const float> weight,
                std::span<const float> bias, float eps, TensorView<float, 2> y);

/// y = silu(gate) * up.   all [tokens, width]; y may alias gate
void silu_mul(Context& ctx, TensorView<const float, 2> gate, TensorView<const float, 2> up,
              TensorView<float, 2> y);

/// y += x.   both [tokens, dim]
void add(Context& ctx, TensorView<const float, 2> x, TensorView<float, 2> y);

/// Cosines and sines of the angles of each token.
struct RopeAngles {
  TensorView<const float, 2> cos;  ///< [tokens, rope_dim / 2]
  TensorView<const float, 2> sin;  ///< [tokens, rope_dim / 2]
};

/// Which two numbers rotate together: (2i, 2i+1), or (i, i + rope_dim/2).
enum class RopeLayout { kInterleaved, kHalves };

/// Rotates columns [0, rope_dim) of every [tokens, heads] row of x in place; pass a column slice
/// where the rotary part does not come first.   x [tokens, heads, >= rope_dim]
void apply_rope(Context& ctx, TensorView<float, 3> x, const RopeAngles& angles, RopeLayout layout);

}  // namespace levin::kernels
