// Sums over the 16 lanes of accumulators, many at once. Every sum adds lanes l and l + 8, then
// l + 4, l + 2 and l + 1, whichever function computes it: that fixes the bits of a product.
#pragma once

#include <immintrin.h>

namespace levin::kernels::avx512 {
namespace {

/// Sums of `count` (at most 16) accumulators: element i is the sum of v[i], the rest is 0.
template <int count>
inline __m512 lane_sums(const __m512* v) noexcept {
  // Inputs are taken in transposed order, 4 e + l, so that output 4 l + e lands at its place.
  const auto input = [v](int lane, int element) {
    const int idx = 4 * lane + element;
    return idx < count ? v[idx] : _mm512_setzero_ps();
  };
  __m512 quarter[4];
#pragma GCC unroll 4
  for (int e = 0; e < 4; ++e) {
    const __m512 a = input(0, e);
    const __m512 b = input(1, e);
    const __m512 c = input(2, e);
    const __m512 d = input(3, e);
    const __m512 ab =
        _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    const __m512 cd =
        _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
    quarter[e] =
        _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
  }
  const auto add_halves = [](__m512 p, __m512 q) {
    const __m512d pd = _mm512_castps_pd(p);
    const __m512d qd = _mm512_castps_pd(q);
    return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(pd, qd)),
                         _mm512_castpd_ps(_mm512_unpackhi_pd(pd, qd)));
  };
  const __m512 pq = add_halves(quarter[0], quarter[1]);
  const __m512 rs = add_halves(quarter[2], quarter[3]);
  return _mm512_add_ps(_mm512_shuffle_ps(pq, rs, 0x88), _mm512_shuffle_ps(pq, rs, 0xDD));
}

}  // namespace
}  // namespace levin::kernels::avx512
