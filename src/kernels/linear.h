// Products with weight matrices, on all threads.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/context.h"
#include "tensor/view.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels {

using tensor::TensorView;
using tensor::WeightMatrix;

/// Most inputs (columns) of a matrix: a row that a kernel decodes at once fits its scratch memory.
inline constexpr int64_t kMaxLinearInputs =
    kThreadScratchBytes / static_cast<int64_t>(sizeof(float));

/// y = x W^T with x rounded to bf16 (fast numerics).
///   x [tokens, w.cols] f32, y [tokens, w.rows] f32, written; both may be strided
/// Throws Error(kInternal) on a shape mismatch.
void linear(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
            TensorView<float, 2> y);

/// y = x W^T with x as the sum of two bf16 numbers, about 16 bits of mantissa: for the router, the
/// indexer's head weights and the head, where a rounded input changes decisions.
void linear_precise(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
                    TensorView<float, 2> y);

/// One of several independent products that run in one parallel loop.
struct LinearTask {
  TensorView<const float, 2> x;  ///< [tokens, w.cols]
  WeightMatrix w;
  TensorView<float, 2> y;  ///< [tokens, w.rows]; rows of different tasks must not overlap
};

/// `linear` for every task; used for the heads of absorbed attention and the experts of a layer.
void linear_batch(Context& ctx, std::span<const LinearTask> tasks);

/// What happens to the activations that meet an FP8 matrix.
enum class ActivationRounding {
  kNone,            ///< nothing: float32 against the dequantised weights
  kE4m3,            ///< E4M3 in groups of 128, scale amax/448 (act_quant)
  kE4m3PowerOfTwo,  ///< the same with the scale rounded up to a power of two (ue8m0)
};

/// What the official FP8 GEMM does (model.md 1.6), in float32: for an FP8 matrix, x is quantised to
/// E4M3 in groups of 128 and each 128-block's product is scaled by (x scale * w scale); any other
/// matrix meets float32 x unrounded. Plain code, threads over outputs.
/// Throws Error(kUnsupported) for a rounded FP8 product whose cols are no multiple of 128.
void linear_reference(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
                      ActivationRounding rounding, TensorView<float, 2> y);

}  // namespace levin::kernels
