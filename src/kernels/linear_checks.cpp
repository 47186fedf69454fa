#include "kernels/linear_checks.h"

#include "base/error.h"

namespace levin::kernels {

void check_linear_shapes(const char* op, const TensorView<const float, 2>& x, const WeightMatrix& w,
                         const TensorView<float, 2>& y) {
  if (x.extent(1) != w.cols || y.extent(0) != x.extent(0) || y.extent(1) != w.rows) {
    base::throw_error(base::ErrorCode::kInternal, op,
                      "x [{}, {}] times a weight [{}, {}] cannot give y [{}, {}]", x.extent(0),
                      x.extent(1), w.rows, w.cols, y.extent(0), y.extent(1));
  }
}

}  // namespace levin::kernels
