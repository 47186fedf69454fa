#include "kernels/generic/rows.h"

#include <immintrin.h>

#include "kernels/avx2/functions.h"
#include "kernels/generic/rotate.h"

namespace levin::kernels::avx2 {
namespace {

/// bf16 of eight numbers, in the low halves of 32-bit lanes; round to nearest even.
__m256i bf16_of(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
  const __m256i nan = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, nan, is_nan), 16);
}

void convert_16(const float* in, Bf16* out) {
  const __m256i packed =
      _mm256_packus_epi32(bf16_of(_mm256_loadu_ps(in)), bf16_of(_mm256_loadu_ps(in + 8)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute4x64_epi64(packed, 0xD8));
}

}  // namespace

void f32_to_bf16(const float* in, Bf16* out, int64_t count) noexcept {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    convert_16(in + i, out + i);
  }
  if (i < count) {
    float numbers[16] = {};
    Bf16 converted[16];
    __builtin_memcpy(numbers, in + i, static_cast<size_t>(count - i) * sizeof(float));
    convert_16(numbers, converted);
    __builtin_memcpy(out + i, converted, static_cast<size_t>(count - i) * sizeof(Bf16));
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

}  // namespace levin::kernels::avx2
