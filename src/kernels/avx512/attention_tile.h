// Parts of attention_tile: the layout of its scratch memory and its two products.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/op_table.h"

namespace levin::kernels::avx512 {
namespace {

inline constexpr int64_t kGroupQueries = 16;  // queries of one register
inline constexpr int64_t kQuadGroups = 4;     // groups whose scores are computed together
inline constexpr int64_t kMaxGroups = kAttentionTileQueries / kGroupQueries;
inline constexpr int64_t kMaxPairs = kAttentionTileKeys / 2;
inline constexpr int64_t kValueLanes = 16;  // value dimensions of one register
inline constexpr int64_t kBlockValues = 4;  // registers of value dimensions in one block

/// Numbers between two key pairs' probabilities. The 32 beyond 8 groups keep the rows of successive
/// pairs out of the same few sets of the L1 cache.
inline constexpr int64_t kPairStride = kMaxGroups * kGroupQueries * 2 + 32;

/// Scratch memory of one tile.
struct TileScratch {
  float* scores;   // [quad's groups, kAttentionTileKeys, 16] q.k * scale, then unused
  float* rescale;  // [128] factor of what each query has summed so far
  Bf16* p;         // [pairs, kPairStride]: [query, 2] probabilities of a key pair
  Bf16* values;    // [pairs, registers, 16, 2]: value rows by pairs, one block of dimensions
};

inline TileScratch cut_scratch(std::byte* scratch) noexcept {
  TileScratch cut{};
  cut.scores = reinterpret_cast<float*>(scratch);
  scratch += kQuadGroups * kAttentionTileKeys * kGroupQueries * 4;
  cut.rescale = reinterpret_cast<float*>(scratch);
  scratch += kAttentionTileQueries * 4;
  cut.p = reinterpret_cast<Bf16*>(scratch);
  scratch += kMaxPairs * kPairStride * 2;
  cut.values = reinterpret_cast<Bf16*>(scratch);
  return cut;
}

inline __mmask16 first_lanes(int64_t count) noexcept {
  return count >= 16 ? __mmask16{0xFFFF} : static_cast<__mmask16>((1U << count) - 1U);
}

inline __m512bh as_bf16(__m512i bits) noexcept { return reinterpret_cast<__m512bh>(bits); }

/// Two bf16 numbers in every 32-bit lane.
inline __m512bh broadcast_pair(const Bf16* pair) noexcept {
  int32_t bits = 0;
  __builtin_memcpy(&bits, pair, sizeof bits);
  return as_bf16(_mm512_set1_epi32(bits));
}
inline __m512bh broadcast_single(const Bf16* single) noexcept {
  return as_bf16(_mm512_set1_epi32(single->bits));
}

/// Scores of Groups x 16 queries against Keys keys. Each score is one accumulator that takes the
/// feature pairs in order, in every shape of the block.
///   q       first group's packed queries, `pairs` x 16 x 2 each
///   scores  of the first group and key; groups lie kAttentionTileKeys x 16 apart
template <int Groups, int Keys>
inline void score_block(const Bf16* q, int64_t qk_dim, const Bf16* const* key_rows, float scale,
                        float* scores) noexcept {
  // With few groups the rows' addresses do not fit into registers: load each for several pairs.
  constexpr int kUnroll = Groups >= 3 ? 1 : 8 / (Groups * Groups);
  const int64_t group_stride = (qk_dim + 1) / 2 * kGroupQueries * 2;
  const int64_t pairs = qk_dim / 2;
  __m512 sums[Groups][Keys];
#pragma GCC unroll 4
  for (int group = 0; group < Groups; ++group) {
#pragma GCC unroll 16
    for (int key = 0; key < Keys; ++key) {
      sums[group][key] = _mm512_setzero_ps();
    }
  }
  int64_t pair = 0;
  for (; pair + kUnroll <= pairs; pair += kUnroll) {
    __m512bh features[Groups][kUnroll];
#pragma GCC unroll 4
    for (int group = 0; group < Groups; ++group) {
#pragma GCC unroll 8
      for (int step = 0; step < kUnroll; ++step) {
        features[group][step] =
            as_bf16(_mm512_loadu_si512(q + group * group_stride + (pair + step) * 32));
      }
    }
#pragma GCC unroll 16
    for (int key = 0; key < Keys; ++key) {
      const Bf16* row = key_rows[key] + pair * 2;
#pragma GCC unroll 8
      for (int step = 0; step < kUnroll; ++step) {
        const __m512bh feature = broadcast_pair(row + step * 2);
#pragma GCC unroll 4
        for (int group = 0; group < Groups; ++group) {
          sums[group][key] = _mm512_dpbf16_ps(sums[group][key], features[group][step], feature);
        }
      }
    }
  }
  for (; pair * 2 < qk_dim; ++pair) {
    const bool is_single = pair * 2 + 1 == qk_dim;
#pragma GCC unroll 16
    for (int key = 0; key < Keys; ++key) {
      const Bf16* row = key_rows[key] + pair * 2;
      const __m512bh feature = is_single ? broadcast_single(row) : broadcast_pair(row);
#pragma GCC unroll 4
      for (int group = 0; group < Groups; ++group) {
        const __m512bh query = as_bf16(_mm512_loadu_si512(q + group * group_stride + pair * 32));
        sums[group][key] = _mm512_dpbf16_ps(sums[group][key], query, feature);
      }
    }
  }
#pragma GCC unroll 4
  for (int group = 0; group < Groups; ++group) {
#pragma GCC unroll 16
    for (int key = 0; key < Keys; ++key) {
      _mm512_store_ps(scores + (group * kAttentionTileKeys + key) * kGroupQueries,
                      _mm512_mul_ps(sums[group][key], _mm512_set1_ps(scale)));
    }
  }
}

/// out[query, dims] = out * rescale + P V for Queries queries and Registers x 16 dimensions, over
/// the first `pairs` key pairs. `last` masks the last register.
template <int Queries, int Registers>
inline void value_block(const Bf16* p, const Bf16* values, int64_t pairs, const float* rescale,
                        __mmask16 last, float* out, int64_t out_stride) noexcept {
  __m512 sums[Queries][Registers];
#pragma GCC unroll 8
  for (int query = 0; query < Queries; ++query) {
#pragma GCC unroll 4
    for (int reg = 0; reg < Registers; ++reg) {
      const __mmask16 mask = reg + 1 == Registers ? last : __mmask16{0xFFFF};
      const __m512 old = _mm512_maskz_loadu_ps(mask, out + query * out_stride + reg * 16);
      sums[query][reg] = _mm512_mul_ps(old, _mm512_set1_ps(rescale[query]));
    }
  }
  for (int64_t pair = 0; pair < pairs; ++pair) {
    __m512bh rows[Registers];
#pragma GCC unroll 4
    for (int reg = 0; reg < Registers; ++reg) {
      rows[reg] = as_bf16(_mm512_load_si512(values + (pair * Registers + reg) * 32));
    }
#pragma GCC unroll 8
    for (int query = 0; query < Queries; ++query) {
      const __m512bh weight = broadcast_pair(p + pair * kPairStride + query * 2);
#pragma GCC unroll 4
      for (int reg = 0; reg < Registers; ++reg) {
        sums[query][reg] = _mm512_dpbf16_ps(sums[query][reg], weight, rows[reg]);
      }
    }
  }
#pragma GCC unroll 8
  for (int query = 0; query < Queries; ++query) {
#pragma GCC unroll 4
    for (int reg = 0; reg < Registers; ++reg) {
      const __mmask16 mask = reg + 1 == Registers ? last : __mmask16{0xFFFF};
      _mm512_mask_storeu_ps(out + query * out_stride + reg * 16, mask, sums[query][reg]);
    }
  }
}

}  // namespace
}  // namespace levin::kernels::avx512
