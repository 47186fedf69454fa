// The two ways of the AVX2 matmul and the order of summation that they share.
//
// For every output, k is cut in blocks of kBlockK. Within a block 8 lanes add up products with
// fused multiply-adds, of 16 columns first the even, then the odd ones; the lanes are added as
// lane_sum says; the sums of the blocks are added in order. Nothing of this depends on m or on how
// rows are grouped.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/float_formats.h"
#include "kernels/avx2/decode.h"

namespace levin::kernels::avx2 {
namespace {

using base::Bf16;

inline constexpr int64_t kBlockK = 1024;  // a multiple of the FP8 blocks' 128

/// Activations and results of one product.
struct Operands {
  const Bf16* a;  ///< [m, k]
  int64_t a_stride;
  int64_t m;
  float* c;  ///< [m, rows]
  int64_t c_stride;
};

/// How many rows from `row` on share its FP8 block scales.
inline int64_t rows_to_next_scale(const WeightMatrix& w, int64_t row) noexcept {
  return tensor::kFp8BlockSize - (w.first_row + row) % tensor::kFp8BlockSize;
}

/// Adds lanes l and l + 4, then l + 2, then l + 1.
inline float lane_sum(__m256 lanes) noexcept {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/// lane_sum of four accumulators.
inline __m128 lane_sums(const __m256* v) noexcept {
  const auto halves = [](__m256 lanes) {
    return _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
  };
  __m128 a = halves(v[0]);
  __m128 b = halves(v[1]);
  __m128 c = halves(v[2]);
  __m128 d = halves(v[3]);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  return _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d));
}

/// 16 activations, or the first `count` and zeros.
inline F32x16 load_activations(const Bf16* at) noexcept { return widen_bf16(load_256(at)); }
inline F32x16 load_activations(const Bf16* at, int64_t count) noexcept {
  return load_padded(reinterpret_cast<const std::byte*>(at), count * 2,
                     [](const std::byte* copy) { return widen_bf16(load_256(copy)); });
}

}  // namespace
}  // namespace levin::kernels::avx2
