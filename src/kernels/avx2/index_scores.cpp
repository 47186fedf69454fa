// Scores of the lightning indexer with float32 FMA, and the filter behind its top-k.
//
// The lanes are 16 keys, a head's feature is broadcast. ReLU, head weights and the sum over heads
// stay in registers. Every dot product takes the features in order and every score the heads in
// order, whatever the blocks.
#include <immintrin.h>

#include "kernels/avx2/functions.h"
#include "kernels/kv_layout.h"

namespace levin::kernels::avx2 {
namespace {

constexpr int64_t kBlockKeys = 16;

/// Eight E4M3 codes in 32-bit lanes to float32. A code's exponent and mantissa, moved to their
/// place in a float32, are the value times 2^-120, subnormal codes included.
__m256 decode_e4m3(__m256i codes) noexcept {
  const __m256i magnitude = _mm256_and_si256(codes, _mm256_set1_epi32(0x7F));
  const __m256i sign = _mm256_slli_epi32(_mm256_andnot_si256(_mm256_set1_epi32(0x7F), codes), 24);
  const __m256 value = _mm256_mul_ps(_mm256_castsi256_ps(_mm256_slli_epi32(magnitude, 20)),
                                     _mm256_set1_ps(0x1p120F));
  const __m256i is_nan = _mm256_cmpeq_epi32(magnitude, _mm256_set1_epi32(0x7F));
  const __m256i nan = _mm256_and_si256(is_nan, _mm256_set1_epi32(0x7FC00000));
  return _mm256_or_ps(value, _mm256_castsi256_ps(_mm256_or_si256(sign, nan)));
}

/// Features 2i (even) and 2i + 1 (odd) of eight keys.
struct FeaturePair {
  __m256 even;
  __m256 odd;
};

FeaturePair load_e4m3(const std::byte* at) noexcept {
  const __m256i both = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  return {decode_e4m3(_mm256_and_si256(both, _mm256_set1_epi32(0xFF))),
          decode_e4m3(_mm256_srli_epi32(both, 8))};
}

FeaturePair load_bf16(const std::byte* at) noexcept {
  const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xFFFF0000));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(both, 16)),
          _mm256_castsi256_ps(_mm256_and_si256(both, upper))};
}

/// The page's keys [dim/2, 64, 2] as float32 [64/16, dim, 16].
void widen_page(const std::byte* keys, IndexKeyFormat format, int64_t dim, float* wide) noexcept {
  const int64_t number_bytes = format == IndexKeyFormat::kE4m3 ? 1 : 2;
  for (int64_t i = 0; i < dim; i += 2) {
    for (int64_t key = 0; key < kPageTokens; key += 8) {
      const std::byte* at = keys + (i * kPageTokens + key * 2) * number_bytes;
      const FeaturePair pair = format == IndexKeyFormat::kE4m3 ? load_e4m3(at) : load_bf16(at);
      float* to = wide + (key / kBlockKeys * dim + i) * kBlockKeys + key % kBlockKeys;
      _mm256_storeu_ps(to, pair.even);
      _mm256_storeu_ps(to + kBlockKeys, pair.odd);
    }
  }
}

/// Adds the terms of Heads heads to the sums of 16 keys.   q [Heads, dim], keys [dim, 16]
template <int Heads>
void add_heads(const float* q, const float* w, int64_t dim, const float* keys,
               __m256 sums[2]) noexcept {
  __m256 dots[Heads][2] = {};
  for (int64_t i = 0; i < dim; ++i) {
    const __m256 low = _mm256_loadu_ps(keys + i * kBlockKeys);
    const __m256 high = _mm256_loadu_ps(keys + i * kBlockKeys + 8);
#pragma GCC unroll 6
    for (int head = 0; head < Heads; ++head) {
      const __m256 feature = _mm256_broadcast_ss(q + head * dim + i);
      dots[head][0] = _mm256_fmadd_ps(feature, low, dots[head][0]);
      dots[head][1] = _mm256_fmadd_ps(feature, high, dots[head][1]);
    }
  }
#pragma GCC unroll 6
  for (int head = 0; head < Heads; ++head) {
    const __m256 weight = _mm256_broadcast_ss(w + head);
    // In this order of operands a NaN passes.
    sums[0] = _mm256_fmadd_ps(weight, _mm256_max_ps(_mm256_setzero_ps(), dots[head][0]), sums[0]);
    sums[1] = _mm256_fmadd_ps(weight, _mm256_max_ps(_mm256_setzero_ps(), dots[head][1]), sums[1]);
  }
}

void score_block(const float* q, const float* w, int64_t heads, int64_t dim, const float* keys,
                 const float* key_scales, float* scores) noexcept {
  __m256 sums[2] = {};
  int64_t head = 0;
  // Fewer than four heads a block leave the FMA units waiting, hence 8 = 4 + 4.
  for (; heads - head >= 6 && heads - head != 8; head += 6) {
    add_heads<6>(q + head * dim, w + head, dim, keys, sums);
  }
  for (; head + 4 <= heads; head += 4) {
    add_heads<4>(q + head * dim, w + head, dim, keys, sums);
  }
  for (; head + 2 <= heads; head += 2) {
    add_heads<2>(q + head * dim, w + head, dim, keys, sums);
  }
  for (; head < heads; ++head) {
    add_heads<1>(q + head * dim, w + head, dim, keys, sums);
  }
  _mm256_storeu_ps(scores, _mm256_mul_ps(_mm256_loadu_ps(key_scales), sums[0]));
  _mm256_storeu_ps(scores + 8, _mm256_mul_ps(_mm256_loadu_ps(key_scales + 8), sums[1]));
}

void widen_query(const Bf16* q, int64_t count, float* wide) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = static_cast<uint32_t>(q[i].bits) << 16;
    __builtin_memcpy(wide + i, &bits, sizeof bits);
  }
}

}  // namespace

void index_scores_page(const Bf16* q, const float* w, int64_t queries, int64_t heads, int64_t dim,
                       const std::byte* keys, IndexKeyFormat format, const float* key_scales,
                       float* scores, int64_t scores_stride, std::byte* scratch) noexcept {
  auto* wide_keys = reinterpret_cast<float*>(scratch);
  float* wide_q = wide_keys + kPageTokens * dim;
  widen_page(keys, format, dim, wide_keys);
  for (int64_t query = 0; query < queries; ++query) {
    widen_query(q + query * heads * dim, heads * dim, wide_q);
    for (int64_t key = 0; key < kPageTokens; key += kBlockKeys) {
      score_block(wide_q, w + query * heads, heads, dim, wide_keys + key * dim, key_scales + key,
                  scores + query * scores_stride + key);
    }
  }
}

int64_t append_above(const float* scores, int64_t count, int32_t first_pos, float threshold,
                     float* kept_scores, int32_t* kept_positions) noexcept {
  const __m256 bar = _mm256_set1_ps(threshold);
  int64_t kept = 0;
  const auto keep = [&](int64_t i) {
    kept_scores[kept] = scores[i];
    kept_positions[kept] = first_pos + static_cast<int32_t>(i);
    ++kept;
  };
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 above = _mm256_cmp_ps(_mm256_loadu_ps(scores + i), bar, _CMP_GT_OQ);
    for (auto bits = static_cast<uint32_t>(_mm256_movemask_ps(above)); bits != 0;
         bits &= bits - 1) {
      keep(i + __builtin_ctz(bits));
    }
  }
  for (; i < count; ++i) {
    if (scores[i] > threshold) {
      keep(i);
    }
  }
  return kept;
}

}  // namespace levin::kernels::avx2
