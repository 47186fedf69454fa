#include "kernels/generic/quantize_index_row.h"

#include "kernels/avx2/functions.h"

namespace levin::kernels::avx2 {

float quantize_index_row(const float* x, int64_t dim, bool hadamard, bool power_of_two_scale,
                         uint8_t* codes) noexcept {
  return quantize_index_row_lanes(x, dim, hadamard, power_of_two_scale, codes);
}

}  // namespace levin::kernels::avx2
