// A product with a weight matrix under the numerics of the run.
#pragma once

#include "kernels/linear.h"
#include "model/step.h"

namespace levin::model {

/// y = x W^T.   x [tokens, w.cols], y [tokens, w.rows] f32
/// An FP8 matrix meets activations rounded to E4M3 per 128 inputs, as in the official GEMM.
void project(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
             Activations& act, TensorView<float, 2> y);

/// The same where a rounded input would change decisions (router, head weights, logits).
void project_precise(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
                     TensorView<float, 2> y);

/// Rounds the input of an FP8 matrix in place, where the product that follows (project_batch) does
/// not: fast numerics only, since the reference product rounds by itself.
void round_input(const ModelContext& model, const WeightMatrix& w, TensorView<float, 2> x);

/// Several products in one parallel loop, of inputs as they are under fast numerics.
void project_batch(const ModelContext& model, std::span<const kernels::LinearTask> tasks);

}  // namespace levin::model
