// One tile of streaming-softmax attention with vdpbf16ps.
//
// Scores: the lanes are 16 queries, a key's feature pair is broadcast from its row, wherever it
// lies. Values: the lanes are 16 value dimensions, pairs of value rows are interleaved in scratch,
// a query's pair of probabilities is broadcast. A query's lane or broadcast never meets another's,
// and every sum takes keys and features in order: its bits are its own.
#include "kernels/avx512/attention_tile.h"

#include "kernels/avx512/exp.h"
#include "kernels/avx512/functions.h"

namespace levin::kernels::avx512 {
namespace {

int64_t smaller(int64_t a, int64_t b) noexcept { return a < b ? a : b; }

/// Largest number of keys that a query of [first, first + count) reads.
int64_t longest_limit(const AttentionTile& tile, int64_t first, int64_t count) noexcept {
  if (tile.key_limits == nullptr) {
    return tile.keys;
  }
  int64_t longest = 0;
  for (int64_t query = first; query < smaller(first + count, tile.queries); ++query) {
    longest = tile.key_limits[query] > longest ? tile.key_limits[query] : longest;
  }
  return smaller(longest, tile.keys);
}

/// Asks for rows of the next tile while the same rows of this one are at work, so that the fetches
/// spread over the tile.
void prefetch_next(const AttentionTile& tile, int64_t key, int64_t count) noexcept {
  const int64_t end = smaller(key + count, tile.next_keys);
  for (; key < end; ++key) {
    const auto* row = reinterpret_cast<const char*>(tile.next_key_rows[key]);
    for (int64_t at = 0; at < tile.qk_dim * 2; at += 64) {
      _mm_prefetch(row + at, _MM_HINT_T1);
    }
  }
}

/// Keys [key, keys) by blocks of Keys, then of the next smaller sizes.
template <int Groups, int Keys, int... Smaller>
void score_keys(const AttentionTile& tile, int64_t first_group, int64_t key, int64_t keys,
                float* scores) noexcept {
  const Bf16* q = tile.q + first_group * ((tile.qk_dim + 1) / 2) * kGroupQueries * 2;
  // 8 = 4 + 4 rather than 6 + 1 + 1: a block of one key is too small to hide the latency.
  for (; key + Keys <= keys && !(Keys == 6 && keys - key == 8); key += Keys) {
    if (first_group == 0) {
      prefetch_next(tile, key, Keys);
    }
    score_block<Groups, Keys>(q, tile.qk_dim, tile.key_rows + key, tile.scale,
                              scores + key * kGroupQueries);
  }
  if constexpr (sizeof...(Smaller) > 0) {
    score_keys<Groups, Smaller...>(tile, first_group, key, keys, scores);
  }
}

void score_groups(const AttentionTile& tile, int64_t first_group, int64_t groups, int64_t keys,
                  float* scores) noexcept {
  switch (groups) {
    case 1:
      return score_keys<1, 16, 4, 1>(tile, first_group, 0, keys, scores);
    case 2:
      return score_keys<2, 12, 4, 1>(tile, first_group, 0, keys, scores);
    case 3:
      return score_keys<3, 8, 4, 1>(tile, first_group, 0, keys, scores);
    default:
      return score_keys<4, 6, 4, 1>(tile, first_group, 0, keys, scores);
  }
}

/// Scores of one group to probabilities: updates row_max and row_sum, writes rescale and P. Keys
/// at and beyond a query's limit get probability 0, also pairs of the tile beyond `keys`.
template <bool Limited>
void softmax_group(const AttentionTile& tile, int64_t group, int64_t keys, const float* scores,
                   const TileScratch& scratch) noexcept {
  const int64_t first = group * kGroupQueries;
  const __mmask16 lanes = first_lanes(tile.queries - first);
  const __m512 minus_infinity = _mm512_set1_ps(-__builtin_inff());
  const __m512i limits = Limited ? _mm512_maskz_loadu_epi32(lanes, tile.key_limits + first)
                                 : _mm512_set1_epi32(static_cast<int>(tile.keys));
  const __m512 old_max = _mm512_mask_loadu_ps(minus_infinity, lanes, tile.row_max + first);
  const auto reads = [&](int64_t key) {
    return _mm512_cmpgt_epi32_mask(limits, _mm512_set1_epi32(static_cast<int>(key)));
  };

  __m512 new_max = old_max;
  for (int64_t key = 0; key < keys; ++key) {
    const __m512 score = _mm512_load_ps(scores + key * kGroupQueries);
    const __mmask16 mask = Limited ? reads(key) : __mmask16{0xFFFF};
    new_max = _mm512_mask_max_ps(new_max, mask, score, new_max);
  }
  // A query that has read nothing yet: -inf - -inf must not become NaN.
  const __mmask16 is_empty = _mm512_cmp_ps_mask(new_max, minus_infinity, _CMP_EQ_OQ);
  const __m512 shift = _mm512_mask_blend_ps(is_empty, new_max, _mm512_setzero_ps());
  __m512 factor = exp_of_negative(_mm512_sub_ps(old_max, shift));
  factor = _mm512_mask_blend_ps(is_empty, factor, _mm512_set1_ps(1.0F));
  __m512 sum = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, tile.row_sum + first), factor);

  const __m512i pair_order =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const auto probability = [&](int64_t key) {
    const __m512 score = _mm512_load_ps(scores + key * kGroupQueries);
    const __m512 p = exp_of_negative(_mm512_sub_ps(score, shift));
    return Limited ? _mm512_maskz_mov_ps(reads(key), p) : p;
  };
  Bf16* p = scratch.p + first * 2;
  for (int64_t key = 0; key < keys; key += 2) {
    const __m512 even = probability(key);
    const __m512 odd = key + 1 < keys ? probability(key + 1) : _mm512_setzero_ps();
    const auto rounded = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
    const __m512i pairs = _mm512_permutexvar_epi16(pair_order, rounded);
    _mm512_store_si512(p + key / 2 * kPairStride, pairs);
    sum = _mm512_add_ps(sum, _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)));
    const __m512i upper = _mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xFFFF0000)));
    sum = _mm512_add_ps(sum, _mm512_castsi512_ps(upper));
  }
  for (int64_t pair = (keys + 1) / 2; pair < (tile.keys + 1) / 2; ++pair) {
    _mm512_store_si512(p + pair * kPairStride, _mm512_setzero_si512());
  }
  _mm512_mask_storeu_ps(tile.row_max + first, lanes, new_max);
  _mm512_mask_storeu_ps(tile.row_sum + first, lanes, sum);
  _mm512_store_ps(scratch.rescale + first, factor);
}

/// Dimensions [dim, dim + 16 registers) of the value rows by pairs, [pairs, registers, 16, 2];
/// zeros behind v_dim and for the partner of an odd last key.
void interleave_values(const AttentionTile& tile, int64_t dim, int64_t registers,
                       Bf16* values) noexcept {
  const __m512i low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8,
                                       39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i high = _mm512_add_epi16(low, _mm512_set1_epi16(16));
  for (int64_t key = 0; key < tile.keys; key += 2) {
    const Bf16* even_row = tile.value_rows[key];
    const bool has_odd = key + 1 < tile.keys;
    const Bf16* odd_row = has_odd ? tile.value_rows[key + 1] : even_row;
    for (int64_t reg = 0; reg < registers; reg += 2) {
      const int64_t at = dim + reg * kValueLanes;
      const int64_t left = tile.v_dim - at;
      const auto mask = left >= 32 ? ~__mmask32{0} : static_cast<__mmask32>((1U << left) - 1U);
      const __m512i even = _mm512_maskz_loadu_epi16(mask, even_row + at);
      const __m512i odd = _mm512_maskz_loadu_epi16(has_odd ? mask : 0, odd_row + at);
      Bf16* to = values + (key / 2 * registers + reg) * 32;
      _mm512_store_si512(to, _mm512_permutex2var_epi16(even, low, odd));
      if (reg + 1 < registers) {
        _mm512_store_si512(to + 32, _mm512_permutex2var_epi16(even, high, odd));
      }
    }
  }
}

/// All queries against one block of value dimensions. Six queries fill the registers; what remains
/// after the sixes goes by fours, so that no block is too small to hide the latency.
template <int Registers>
void value_queries(const AttentionTile& tile, const TileScratch& scratch, __mmask16 last,
                   int64_t dim) noexcept {
  const Bf16* values = scratch.values;
  int64_t query = 0;
  while (query < tile.queries) {
    const int64_t left = tile.queries - query;
    const int64_t count = left >= 6 && left != 8 ? 6 : smaller(left, 4);
    const int64_t pairs = (longest_limit(tile, query, count) + 1) / 2;
    const Bf16* p = scratch.p + query * 2;
    const float* rescale = scratch.rescale + query;
    float* to = tile.out + query * tile.v_dim + dim;
    switch (count) {
      case 1:
        value_block<1, Registers>(p, values, pairs, rescale, last, to, tile.v_dim);
        break;
      case 2:
        value_block<2, Registers>(p, values, pairs, rescale, last, to, tile.v_dim);
        break;
      case 3:
        value_block<3, Registers>(p, values, pairs, rescale, last, to, tile.v_dim);
        break;
      case 4:
        value_block<4, Registers>(p, values, pairs, rescale, last, to, tile.v_dim);
        break;
      default:
        value_block<6, Registers>(p, values, pairs, rescale, last, to, tile.v_dim);
        break;
    }
    query += count;
  }
}

/// Block by block of value dimensions: 128 keys' worth of one stays in the L1 cache.
void add_values(const AttentionTile& tile, const TileScratch& scratch) noexcept {
  for (int64_t dim = 0; dim < tile.v_dim; dim += kBlockValues * kValueLanes) {
    const int64_t registers =
        smaller(kBlockValues, (tile.v_dim - dim + kValueLanes - 1) / kValueLanes);
    const __mmask16 last = first_lanes(tile.v_dim - dim - (registers - 1) * kValueLanes);
    interleave_values(tile, dim, registers, scratch.values);
    switch (registers) {
      case 1:
        value_queries<1>(tile, scratch, last, dim);
        break;
      case 2:
        value_queries<2>(tile, scratch, last, dim);
        break;
      case 3:
        value_queries<3>(tile, scratch, last, dim);
        break;
      default:
        value_queries<4>(tile, scratch, last, dim);
        break;
    }
  }
}

}  // namespace

void attention_tile(const AttentionTile& tile, std::byte* scratch_memory) noexcept {
  const TileScratch scratch = cut_scratch(scratch_memory);
  const int64_t keys = longest_limit(tile, 0, tile.queries);
  if (keys <= 0) {
    return;
  }
  AttentionTile cut = tile;  // what no query reads need not be computed
  cut.keys = keys;
  const int64_t groups = (cut.queries + kGroupQueries - 1) / kGroupQueries;
  for (int64_t quad = 0; quad < groups; quad += kQuadGroups) {
    const int64_t count = smaller(kQuadGroups, groups - quad);
    const int64_t quad_keys = longest_limit(cut, quad * kGroupQueries, kQuadGroups * kGroupQueries);
    score_groups(cut, quad, count, quad_keys, scratch.scores);
    for (int64_t group = quad; group < quad + count; ++group) {
      const float* scores = scratch.scores + (group - quad) * kAttentionTileKeys * kGroupQueries;
      if (cut.key_limits == nullptr) {
        softmax_group<false>(cut, group, keys, scores, scratch);
      } else {
        softmax_group<true>(cut, group, longest_limit(cut, group * kGroupQueries, kGroupQueries),
                            scores, scratch);
      }
    }
  }
  add_values(cut, scratch);
}

void pack_queries(const float* rows, int64_t stride, int64_t queries, int64_t dim,
                  Bf16* packed) noexcept {
  const int64_t pairs = (dim + 1) / 2;
  const __m512i lane_step =
      _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                         _mm512_set1_epi32(kGroupQueries));
  const int64_t padded = (queries + kGroupQueries - 1) / kGroupQueries * kGroupQueries;
  for (int64_t query = 0; query < padded; ++query) {
    Bf16* to = packed + (query / kGroupQueries * pairs * kGroupQueries + query % kGroupQueries) * 2;
    const float* row = rows + query * stride;
    for (int64_t i = 0; i < dim; i += 32) {
      const int64_t left = query < queries ? dim - i : 0;
      const __m512 low = _mm512_maskz_loadu_ps(first_lanes(left), row + i);
      const __m512 high = left > 16 ? _mm512_maskz_loadu_ps(first_lanes(left - 16), row + i + 16)
                                    : _mm512_setzero_ps();
      _mm512_mask_i32scatter_epi32(to + i * kGroupQueries, first_lanes((dim - i + 1) / 2),
                                   lane_step,
                                   reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)), 4);
    }
  }
}

}  // namespace levin::kernels::avx512
