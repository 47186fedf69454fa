#include <immintrin.h>

#include "kernels/avx2/functions.h"

namespace levin::kernels::avx2 {

float read_sum(const float* data, int64_t count) noexcept {
  __m256 sums[8];
  for (__m256& sum : sums) {
    sum = _mm256_setzero_ps();
  }
  for (int64_t i = 0; i < count; i += 64) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      sums[j] = _mm256_add_ps(sums[j], _mm256_loadu_ps(data + i + 8 * j));
    }
  }
  alignas(32) float lanes[8];
  for (int j = 1; j < 8; ++j) {
    sums[0] = _mm256_add_ps(sums[0], sums[j]);
  }
  _mm256_store_ps(lanes, sums[0]);
  float total = 0.0F;
  for (const float lane : lanes) {
    total += lane;
  }
  return total;
}

double dot_rate_work(int64_t steps, float* sink) noexcept {
  constexpr int kSums = 12;
  __m256 sums[kSums];
  for (int j = 0; j < kSums; ++j) {
    sums[j] = _mm256_set1_ps(static_cast<float>(j));
  }
  __m256 x = _mm256_set1_ps(1e-9F);
  __m256 y = _mm256_set1_ps(0.5F);
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
    for (int j = 0; j < kSums; ++j) {
      sums[j] = _mm256_fmadd_ps(x, y, sums[j]);
    }
    asm volatile("" : "+x"(x), "+x"(y));  // the factors could have changed: multiply again
  }
  for (int j = 1; j < kSums; ++j) {
    sums[0] = _mm256_add_ps(sums[0], sums[j]);
  }
  *sink = _mm256_cvtss_f32(sums[0]);
  return 16.0 * kSums * static_cast<double>(steps);
}

}  // namespace levin::kernels::avx2
