// The exponential function of the softmax.
#pragma once

#include <immintrin.h>

namespace levin::kernels::avx2 {
namespace {

/// exp(x) for x <= 0, about 1 ulp: exactly 1 at 0, exactly 0 below -87.3 and at -inf, NaN stays
/// NaN. The formula of avx512/exp.h.
inline __m256 exp_of_negative(__m256 x) noexcept {
  const __m256 lowest = _mm256_set1_ps(-87.3F);
  const __m256 is_tiny = _mm256_cmp_ps(x, lowest, _CMP_LT_OQ);
  // x = n ln2 + r. The order of the operands of max lets a NaN pass.
  const __m256 bounded = _mm256_max_ps(lowest, x);
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(bounded, _mm256_set1_ps(1.44269504F)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), bounded);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), r);
  // minimax coefficients: Cephes, expf
  __m256 p = _mm256_set1_ps(1.9875691500e-4F);
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
  const __m256i exponent =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_andnot_ps(is_tiny, _mm256_mul_ps(p, _mm256_castsi256_ps(exponent)));
}

}  // namespace
}  // namespace levin::kernels::avx2
