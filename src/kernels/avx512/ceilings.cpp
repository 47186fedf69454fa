#include <immintrin.h>

#include "kernels/avx512/functions.h"

namespace levin::kernels::avx512 {

float read_sum(const float* data, int64_t count) noexcept {
  __m512 sums[8];
  for (__m512& sum : sums) {
    sum = _mm512_setzero_ps();
  }
  for (int64_t i = 0; i < count; i += 128) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      sums[j] = _mm512_add_ps(sums[j], _mm512_loadu_ps(data + i + 16 * j));
    }
  }
  for (int j = 1; j < 8; ++j) {
    sums[0] = _mm512_add_ps(sums[0], sums[j]);
  }
  return _mm512_reduce_add_ps(sums[0]);
}

double dot_rate_work(int64_t steps, float* sink) noexcept {
  constexpr int kSums = 16;
  __m512 sums[kSums];
  for (int j = 0; j < kSums; ++j) {
    sums[j] = _mm512_set1_ps(static_cast<float>(j));
  }
  __m512i x = _mm512_set1_epi16(0x3C00);
  __m512i y = _mm512_set1_epi16(0x3C10);
  for (int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 16
    for (int j = 0; j < kSums; ++j) {
      sums[j] =
          _mm512_dpbf16_ps(sums[j], reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(y));
    }
    asm volatile("" : "+v"(x), "+v"(y));  // the factors could have changed: multiply again
  }
  for (int j = 1; j < kSums; ++j) {
    sums[0] = _mm512_add_ps(sums[0], sums[j]);
  }
  *sink = _mm512_reduce_add_ps(sums[0]);
  return 64.0 * kSums * static_cast<double>(steps);
}

}  // namespace levin::kernels::avx512
