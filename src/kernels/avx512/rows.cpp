#include "kernels/generic/rows.h"

#include <immintrin.h>

#include "kernels/avx512/functions.h"
#include "kernels/generic/rotate.h"

namespace levin::kernels::avx512 {
namespace {

/// Round to nearest even in integers: unlike vcvtneps2bf16 it keeps denormals, as the definition.
__m256i bf16_of(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
  const __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16));
}

}  // namespace

void f32_to_bf16(const float* in, Bf16* out, int64_t count) noexcept {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), bf16_of(_mm512_loadu_ps(in + i)));
  }
  if (i < count) {
    const auto mask = static_cast<__mmask16>((1U << (count - i)) - 1U);
    _mm256_mask_storeu_epi16(out + i, mask, bf16_of(_mm512_maskz_loadu_ps(mask, in + i)));
  }
}

void rms_norm(const float* x, const float* w, float eps, int64_t count, float* y) noexcept {
  rms_norm_lanes(x, w, eps, count, y);
}

void layer_norm(const float* x, const float* w, const float* b, float eps, int64_t count,
                float* y) noexcept {
  layer_norm_lanes(x, w, b, eps, count, y);
}

void silu_mul(const float* gate, const float* up, int64_t count, float* y) noexcept {
  silu_mul_lanes(gate, up, count, y);
}

void add_scaled(const float* x, float factor, int64_t count, float* y) noexcept {
  add_scaled_lanes(x, factor, count, y);
}

void rotate_pairs(float* x, const float* cos, const float* sin, int64_t pairs) noexcept {
  rotate_pairs_lanes(x, cos, sin, pairs);
}

void rotate_halves(float* x, const float* cos, const float* sin, int64_t pairs) noexcept {
  rotate_halves_lanes(x, cos, sin, pairs);
}

}  // namespace levin::kernels::avx512
