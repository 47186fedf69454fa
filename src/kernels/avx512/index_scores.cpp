// Scores of the lightning indexer with vdpbf16ps, and the filter behind its top-k.
//
// The lanes are 16 keys, as the page lies in memory; a head's feature pair is broadcast. ReLU, head
// weights and the sum over heads stay in registers. Every dot product takes the features in order
// and every score the heads in order, whatever the blocks.
#include <immintrin.h>

#include "kernels/avx512/decode.h"
#include "kernels/avx512/functions.h"
#include "kernels/kv_layout.h"

namespace levin::kernels::avx512 {
namespace {

constexpr int kRegisters = kPageTokens / 16;  // of keys in a page

/// The page's E4M3 codes as bf16, in the same order.
void decode_page(const std::byte* keys, int64_t dim, Bf16* decoded) noexcept {
  const float one = 1.0F;
  WeightMatrix codes;
  codes.format = WeightFormat::kFp8Block;
  codes.rows = 1;
  codes.cols = dim * kPageTokens;
  codes.data = keys;
  codes.block_scales = reinterpret_cast<const std::byte*>(&one);
  Fp8Decoder decoder(codes, 0);
  decoder.begin(0);  // serves all columns: there is one scale
  for (int64_t i = 0; i < codes.cols; i += 64) {
    const Bf16x64 numbers = decoder.load(0, i);
    _mm512_store_si512(decoded + i, reinterpret_cast<__m512i>(numbers.lo));
    _mm512_store_si512(decoded + i + 32, reinterpret_cast<__m512i>(numbers.hi));
  }
}

/// Adds the terms of Heads heads to the sums of all 64 keys.
///   q [Heads, dim], w [Heads], keys [dim/2, 64, 2]
template <int Heads>
void add_heads(const Bf16* q, const float* w, int64_t dim, const Bf16* keys,
               __m512 sums[kRegisters]) noexcept {
  __m512 dots[Heads][kRegisters];
#pragma GCC unroll 8
  for (int head = 0; head < Heads; ++head) {
#pragma GCC unroll 4
    for (int reg = 0; reg < kRegisters; ++reg) {
      dots[head][reg] = _mm512_setzero_ps();
    }
  }
  for (int64_t i = 0; i < dim; i += 2) {
    __m512bh features[kRegisters];
#pragma GCC unroll 4
    for (int reg = 0; reg < kRegisters; ++reg) {
      features[reg] = as_bf16(_mm512_loadu_si512(keys + i * kPageTokens + reg * 32));
    }
#pragma GCC unroll 8
    for (int head = 0; head < Heads; ++head) {
      int32_t pair = 0;
      __builtin_memcpy(&pair, q + head * dim + i, sizeof pair);
      const __m512bh query = as_bf16(_mm512_set1_epi32(pair));
#pragma GCC unroll 4
      for (int reg = 0; reg < kRegisters; ++reg) {
        dots[head][reg] = _mm512_dpbf16_ps(dots[head][reg], query, features[reg]);
      }
    }
  }
#pragma GCC unroll 8
  for (int head = 0; head < Heads; ++head) {
#pragma GCC unroll 4
    for (int reg = 0; reg < kRegisters; ++reg) {
      // In this order of operands a NaN passes.
      const __m512 open = _mm512_max_ps(_mm512_setzero_ps(), dots[head][reg]);
      sums[reg] = _mm512_fmadd_ps(_mm512_set1_ps(w[head]), open, sums[reg]);
    }
  }
}

/// One query against the page.   q [heads, dim], w [heads], scores [64]
void score_query(const Bf16* q, const float* w, int64_t heads, int64_t dim, const Bf16* keys,
                 const float* key_scales, float* scores) noexcept {
  __m512 sums[kRegisters] = {};
  int64_t head = 0;
  // Six heads fill the registers; the rest goes by fours, which still hides the latency.
  for (; heads - head >= 6 && heads - head != 8; head += 6) {
    add_heads<6>(q + head * dim, w + head, dim, keys, sums);
  }
  for (; heads - head >= 4; head += 4) {
    add_heads<4>(q + head * dim, w + head, dim, keys, sums);
  }
  for (; head < heads; ++head) {
    add_heads<1>(q + head * dim, w + head, dim, keys, sums);
  }
#pragma GCC unroll 4
  for (int reg = 0; reg < kRegisters; ++reg) {
    const __m512 scale = _mm512_loadu_ps(key_scales + reg * 16);
    _mm512_storeu_ps(scores + reg * 16, _mm512_mul_ps(scale, sums[reg]));
  }
}

}  // namespace

void index_scores_page(const Bf16* q, const float* w, int64_t queries, int64_t heads, int64_t dim,
                       const std::byte* keys, IndexKeyFormat format, const float* key_scales,
                       float* scores, int64_t scores_stride, std::byte* scratch) noexcept {
  const auto* features = reinterpret_cast<const Bf16*>(keys);
  if (format == IndexKeyFormat::kE4m3) {
    auto* decoded = reinterpret_cast<Bf16*>(scratch);
    decode_page(keys, dim, decoded);
    features = decoded;
  }
  for (int64_t query = 0; query < queries; ++query) {
    score_query(q + query * heads * dim, w + query * heads, heads, dim, features, key_scales,
                scores + query * scores_stride);
  }
}

int64_t append_above(const float* scores, int64_t count, int32_t first_pos, float threshold,
                     float* kept_scores, int32_t* kept_positions) noexcept {
  const __m512 bar = _mm512_set1_ps(threshold);
  const __m512i step = _mm512_set1_epi32(16);
  __m512i positions =
      _mm512_add_epi32(_mm512_set1_epi32(first_pos),
                       _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  int64_t kept = 0;
  for (int64_t i = 0; i < count; i += 16) {
    const auto lanes = static_cast<__mmask16>(low_bits(count - i < 16 ? count - i : 16));
    const __m512 row = _mm512_maskz_loadu_ps(lanes, scores + i);
    const __mmask16 above = _mm512_mask_cmp_ps_mask(lanes, row, bar, _CMP_GT_OQ);
    if (above != 0) {
      // Compressed in a register and stored whole would write behind the buffers; the compressing
      // store is slow, so the mask of the kept lanes bounds an ordinary one.
      const int kept_now = __builtin_popcount(above);
      const auto front = static_cast<__mmask16>(low_bits(kept_now));
      _mm512_mask_storeu_ps(kept_scores + kept, front, _mm512_maskz_compress_ps(above, row));
      _mm512_mask_storeu_epi32(kept_positions + kept, front,
                               _mm512_maskz_compress_epi32(above, positions));
      kept += kept_now;
    }
    positions = _mm512_add_epi32(positions, step);
  }
  return kept;
}

}  // namespace levin::kernels::avx512
