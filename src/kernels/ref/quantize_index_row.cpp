// Hadamard transform and FP8 rounding of an index key or query: the definition.
// Source: model.md 1.6 and 1.7 (4), (5); DeepSeek-V3.2-Exp inference/kernel.py, act_quant.
#include <algorithm>
#include <cmath>

#include "kernels/index_row_dim.h"
#include "kernels/ref/functions.h"

namespace levin::kernels::ref {
namespace {

/// y = H x / sqrt(dim), H in Sylvester order, by butterflies from neighbours outwards.
void hadamard_transform(float* x, int64_t dim) {
  for (int64_t half = 1; half < dim; half *= 2) {
    for (int64_t i = 0; i < dim; ++i) {
      if ((i & half) == 0) {
        const float a = x[i];
        const float b = x[i + half];
        x[i] = a + b;
        x[i + half] = a - b;
      }
    }
  }
  const float factor = 1.0F / std::sqrt(static_cast<float>(dim));
  for (int64_t i = 0; i < dim; ++i) {
    x[i] *= factor;
  }
}

}  // namespace

float quantize_index_row(const float* x, int64_t dim, bool hadamard, bool power_of_two_scale,
                         uint8_t* codes) noexcept {
  float y[kMaxIndexHeadDim];
  std::copy_n(x, dim, y);
  if (hadamard) {
    hadamard_transform(y, dim);
  }
  float amax = 0.0F;
  for (int64_t i = 0; i < dim; ++i) {
    amax = std::max(amax, std::fabs(y[i]));
  }
  const float scale = base::act_quant_scale(amax, power_of_two_scale);
  for (int64_t i = 0; i < dim; ++i) {
    codes[i] = base::to_e4m3(y[i] / scale).bits;
  }
  return scale;
}

}  // namespace levin::kernels::ref
