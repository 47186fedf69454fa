// The exponential function of the softmax.
#pragma once

#include <immintrin.h>

namespace levin::kernels::avx512 {
namespace {

/// exp(x) for x <= 0, about 1 ulp: exactly 1 at 0, 0 at -inf, NaN stays NaN. The formula of
/// avx2/exp.h.
inline __m512 exp_of_negative(__m512 x) noexcept {
  // x = n ln2 + r; below -127 ln2 the result is 0 as a bf16 number anyway. The order of the
  // operands of max lets a NaN pass.
  const __m512 bounded = _mm512_max_ps(_mm512_set1_ps(-120.0F), x);
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(bounded, _mm512_set1_ps(1.44269504F)),
                                        _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375F), bounded);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4F), r);
  // minimax coefficients: Cephes, expf
  __m512 p = _mm512_set1_ps(1.9875691500e-4F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, n);
}

}  // namespace
}  // namespace levin::kernels::avx512
