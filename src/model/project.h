// A product with a weight matrix under the numerics of the run.
#pragma once

#include "kernels/linear.h"
#include "model/step.h"

namespace levin::model {

/// y = x W^T.   x [tokens, w.cols], y [tokens, w.rows] f32
void project(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
             TensorView<float, 2> y);

/// The same where a rounded input would change decisions (router, head weights, logits).
void project_precise(const ModelContext& model, TensorView<const float, 2> x, const WeightMatrix& w,
                     TensorView<float, 2> y);

/// Several products in one parallel loop.
void project_batch(const ModelContext& model, std::span<const kernels::LinearTask> tasks);

}  // namespace levin::model
