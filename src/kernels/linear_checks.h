// The shape check of every linear op.
#pragma once

#include "kernels/linear.h"

namespace levin::kernels {

/// Throws Error(kInternal), naming `op`, unless x is [m, w.cols] and y is [m, w.rows].
void check_linear_shapes(const char* op, const TensorView<const float, 2>& x, const WeightMatrix& w,
                         const TensorView<float, 2>& y);

}  // namespace levin::kernels
