#include "kernels/ref/functions.h"

namespace levin::kernels::ref {

void matmul(const tensor::WeightMatrix& w, const Bf16* a, int64_t a_stride, int64_t m, float* c,
            int64_t c_stride, std::byte* scratch) noexcept {
  // 16 partial sums, element k in sum k mod 16, so that the compiler can keep them in vectors.
  constexpr int64_t kLanes = 16;
  auto* weights = reinterpret_cast<float*>(scratch);  // [w.cols], the row rounded to bf16
  for (int64_t row = 0; row < w.rows; ++row) {
    tensor::decode_row(w, row, weights);
    for (int64_t k = 0; k < w.cols; ++k) {
      weights[k] = base::to_f32(base::to_bf16(weights[k]));
    }
    for (int64_t i = 0; i < m; ++i) {
      const Bf16* x = a + i * a_stride;
      float lanes[kLanes] = {};
      int64_t k = 0;
      for (; k + kLanes <= w.cols; k += kLanes) {
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          lanes[lane] += base::to_f32(x[k + lane]) * weights[k + lane];
        }
      }
      for (; k < w.cols; ++k) {
        lanes[k % kLanes] += base::to_f32(x[k]) * weights[k];
      }
      float sum = 0.0F;
      for (const float lane : lanes) {
        sum += lane;
      }
      c[i * c_stride + row] = sum;
    }
  }
}

}  // namespace levin::kernels::ref
