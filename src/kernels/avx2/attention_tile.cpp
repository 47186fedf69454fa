// One tile of streaming-softmax attention with float32 FMA; bf16 inputs are widened into scratch.
//
// Scores: the lanes are the 16 queries of a packed group, a key's feature is broadcast. Values: the
// lanes are value dimensions, a query's probability is broadcast. A query's lane or broadcast never
// meets another's, and every sum takes keys and features in order: its bits are its own.
#include <immintrin.h>

#include "kernels/avx2/exp.h"
#include "kernels/avx2/functions.h"

namespace levin::kernels::avx2 {
namespace {

constexpr int64_t kGroupQueries = 16;  // queries of a packed group: two registers
constexpr int64_t kBlockDims = 16;     // value dimensions of a block: two registers
/// Numbers between two keys' probabilities; the 16 beyond the queries spread them over the cache.
constexpr int64_t kKeyStride = kAttentionTileQueries + 16;

/// Scratch memory of one tile.
struct TileScratch {
  float* q;        // [qk_dim, 16] of the present group
  float* scores;   // [keys, 16] of the present group
  float* rescale;  // [128] factor of what each query has summed so far
  float* p;        // [keys, kKeyStride] probabilities, rounded to bf16
  float* keys;     // [keys, qk_dim]
  float* values;   // [value blocks, keys, 16], zeros behind v_dim
};

TileScratch cut_scratch(const AttentionTile& tile, std::byte* scratch) noexcept {
  TileScratch cut{};
  auto* at = reinterpret_cast<float*>(scratch);
  cut.scores = at;
  at += kAttentionTileKeys * kGroupQueries;
  cut.rescale = at;
  at += kAttentionTileQueries;
  cut.p = at;
  at += kAttentionTileKeys * kKeyStride;
  cut.q = at;
  at += (tile.qk_dim + 1) * kGroupQueries;
  cut.values = at;
  at += (tile.v_dim + kBlockDims - 1) / kBlockDims * kAttentionTileKeys * kBlockDims;
  cut.keys = at;
  return cut;
}

int64_t smaller(int64_t a, int64_t b) noexcept { return a < b ? a : b; }

int64_t limit_of(const AttentionTile& tile, int64_t query) noexcept {
  return tile.key_limits == nullptr ? tile.keys : smaller(tile.key_limits[query], tile.keys);
}

int64_t longest_limit(const AttentionTile& tile, int64_t first, int64_t count) noexcept {
  int64_t longest = 0;
  for (int64_t query = first; query < smaller(first + count, tile.queries); ++query) {
    longest = limit_of(tile, query) > longest ? limit_of(tile, query) : longest;
  }
  return longest;
}

float widen(Bf16 value) noexcept {
  const uint32_t bits = static_cast<uint32_t>(value.bits) << 16;
  float wide = 0.0F;
  __builtin_memcpy(&wide, &bits, sizeof wide);
  return wide;
}

__m256 widen_8(const Bf16* values) noexcept {
  const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

void widen_row(const Bf16* from, int64_t count, float* to) noexcept {
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i, widen_8(from + i));
  }
  for (; i < count; ++i) {
    to[i] = widen(from[i]);
  }
}

/// Packed group [pairs, 16, 2] to [2 pairs, 16].
void widen_group(const Bf16* q, int64_t pairs, float* to) noexcept {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xFFFF0000));
  for (int64_t pair = 0; pair < pairs; ++pair) {
    for (int64_t half = 0; half < 2; ++half) {
      const __m256i both =
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q + pair * 32 + half * 16));
      float* even = to + pair * 32 + half * 8;
      _mm256_storeu_ps(even, _mm256_castsi256_ps(_mm256_slli_epi32(both, 16)));
      _mm256_storeu_ps(even + 16, _mm256_castsi256_ps(_mm256_and_si256(both, upper)));
    }
  }
}

void widen_values(const AttentionTile& tile, int64_t keys, float* values) noexcept {
  for (int64_t key = 0; key < keys; ++key) {
    for (int64_t dim = 0; dim < tile.v_dim; dim += kBlockDims) {
      float* to = values + (dim / kBlockDims * keys + key) * kBlockDims;
      const int64_t count = smaller(kBlockDims, tile.v_dim - dim);
      widen_row(tile.value_rows[key] + dim, count, to);
      for (int64_t i = count; i < kBlockDims; ++i) {
        to[i] = 0.0F;
      }
    }
  }
}

/// Scores of a group against Keys keys.
template <int Keys>
void score_block(const float* q, const float* keys, int64_t qk_dim, float scale,
                 float* scores) noexcept {
  __m256 sums[Keys][2] = {};
  for (int64_t dim = 0; dim < qk_dim; ++dim) {
    const __m256 low = _mm256_loadu_ps(q + dim * kGroupQueries);
    const __m256 high = _mm256_loadu_ps(q + dim * kGroupQueries + 8);
#pragma GCC unroll 6
    for (int key = 0; key < Keys; ++key) {
      const __m256 feature = _mm256_broadcast_ss(keys + key * qk_dim + dim);
      sums[key][0] = _mm256_fmadd_ps(low, feature, sums[key][0]);
      sums[key][1] = _mm256_fmadd_ps(high, feature, sums[key][1]);
    }
  }
  const __m256 factor = _mm256_set1_ps(scale);
#pragma GCC unroll 6
  for (int key = 0; key < Keys; ++key) {
    _mm256_storeu_ps(scores + key * kGroupQueries, _mm256_mul_ps(sums[key][0], factor));
    _mm256_storeu_ps(scores + key * kGroupQueries + 8, _mm256_mul_ps(sums[key][1], factor));
  }
}

void score_group(const float* q, const float* key_rows, int64_t qk_dim, int64_t keys, float scale,
                 float* scores) noexcept {
  int64_t key = 0;
  for (; keys - key >= 6 && keys - key != 8; key += 6) {
    score_block<6>(q, key_rows + key * qk_dim, qk_dim, scale, scores + key * kGroupQueries);
  }
  for (; key + 4 <= keys; key += 4) {
    score_block<4>(q, key_rows + key * qk_dim, qk_dim, scale, scores + key * kGroupQueries);
  }
  for (; key + 2 <= keys; key += 2) {
    score_block<2>(q, key_rows + key * qk_dim, qk_dim, scale, scores + key * kGroupQueries);
  }
  for (; key < keys; ++key) {
    score_block<1>(q, key_rows + key * qk_dim, qk_dim, scale, scores + key * kGroupQueries);
  }
}

/// Round to nearest even to a bf16 number, kept as float32; p is no denormal.
__m256 round_to_bf16(__m256 p) noexcept {
  const __m256i bits = _mm256_castps_si256(p);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
  return _mm256_castsi256_ps(
      _mm256_and_si256(rounded, _mm256_set1_epi32(static_cast<int>(0xFFFF0000))));
}

/// Streaming-softmax state of eight queries: [max, sum, limit] in padded local arrays.
struct EightQueries {
  alignas(32) float row_max[8];
  alignas(32) float row_sum[8];
  alignas(32) int32_t limits[8];
};

EightQueries load_state(const AttentionTile& tile, int64_t first) noexcept {
  EightQueries state{};
  for (int64_t i = 0; i < 8; ++i) {
    const bool exists = first + i < tile.queries;
    state.row_max[i] = exists ? tile.row_max[first + i] : -__builtin_inff();
    state.row_sum[i] = exists ? tile.row_sum[first + i] : 0.0F;
    state.limits[i] = exists ? static_cast<int32_t>(limit_of(tile, first + i)) : 0;
  }
  return state;
}

/// Scores of eight queries to probabilities; keys at and beyond a query's limit get 0.
void softmax_eight(const AttentionTile& tile, int64_t first, int64_t keys, const float* scores,
                   const TileScratch& scratch) noexcept {
  EightQueries state = load_state(tile, first);
  const __m256i limits = _mm256_load_si256(reinterpret_cast<const __m256i*>(state.limits));
  const __m256 minus_infinity = _mm256_set1_ps(-__builtin_inff());
  const __m256 old_max = _mm256_load_ps(state.row_max);
  const auto reads = [&](int64_t key) {
    return _mm256_castsi256_ps(
        _mm256_cmpgt_epi32(limits, _mm256_set1_epi32(static_cast<int>(key))));
  };
  __m256 new_max = old_max;
  for (int64_t key = 0; key < keys; ++key) {
    const __m256 score = _mm256_loadu_ps(scores + key * kGroupQueries);
    new_max = _mm256_max_ps(_mm256_blendv_ps(minus_infinity, score, reads(key)), new_max);
  }
  // A query that has read nothing yet: -inf - -inf must not become NaN.
  const __m256 is_empty = _mm256_cmp_ps(new_max, minus_infinity, _CMP_EQ_OQ);
  const __m256 shift = _mm256_andnot_ps(is_empty, new_max);
  const __m256 factor = _mm256_blendv_ps(exp_of_negative(_mm256_sub_ps(old_max, shift)),
                                         _mm256_set1_ps(1.0F), is_empty);
  __m256 sum = _mm256_mul_ps(_mm256_load_ps(state.row_sum), factor);
  for (int64_t key = 0; key < keys; ++key) {
    const __m256 score = _mm256_loadu_ps(scores + key * kGroupQueries);
    const __m256 exact = exp_of_negative(_mm256_sub_ps(score, shift));
    const __m256 p = _mm256_and_ps(reads(key), round_to_bf16(exact));
    _mm256_storeu_ps(scratch.p + key * kKeyStride + first, p);
    sum = _mm256_add_ps(sum, p);
  }
  for (int64_t key = keys; key < tile.keys; ++key) {
    _mm256_storeu_ps(scratch.p + key * kKeyStride + first, _mm256_setzero_ps());
  }
  _mm256_storeu_ps(scratch.rescale + first, factor);
  _mm256_store_ps(state.row_max, new_max);
  _mm256_store_ps(state.row_sum, sum);
  for (int64_t i = 0; i < smaller(8, tile.queries - first); ++i) {
    tile.row_max[first + i] = state.row_max[i];
    tile.row_sum[first + i] = state.row_sum[i];
  }
}

/// out[query, 16 dims] = out * rescale + P V for Queries queries.
template <int Queries>
void value_block(const float* p, const float* values, int64_t keys, const float* rescale,
                 float* out, int64_t out_stride) noexcept {
  __m256 sums[Queries][2];
#pragma GCC unroll 6
  for (int query = 0; query < Queries; ++query) {
    const __m256 factor = _mm256_broadcast_ss(rescale + query);
    sums[query][0] = _mm256_mul_ps(_mm256_loadu_ps(out + query * out_stride), factor);
    sums[query][1] = _mm256_mul_ps(_mm256_loadu_ps(out + query * out_stride + 8), factor);
  }
  for (int64_t key = 0; key < keys; ++key) {
    const __m256 low = _mm256_loadu_ps(values + key * kBlockDims);
    const __m256 high = _mm256_loadu_ps(values + key * kBlockDims + 8);
#pragma GCC unroll 6
    for (int query = 0; query < Queries; ++query) {
      const __m256 weight = _mm256_broadcast_ss(p + key * kKeyStride + query);
      sums[query][0] = _mm256_fmadd_ps(weight, low, sums[query][0]);
      sums[query][1] = _mm256_fmadd_ps(weight, high, sums[query][1]);
    }
  }
#pragma GCC unroll 6
  for (int query = 0; query < Queries; ++query) {
    _mm256_storeu_ps(out + query * out_stride, sums[query][0]);
    _mm256_storeu_ps(out + query * out_stride + 8, sums[query][1]);
  }
}

/// The last block where v_dim is no multiple of 16: one query, through a padded copy of its out.
void value_tail(const float* p, const float* values, int64_t keys, const float* rescale, float* out,
                int64_t dims) noexcept {
  float padded[kBlockDims] = {};
  __builtin_memcpy(padded, out, static_cast<size_t>(dims) * sizeof(float));
  value_block<1>(p, values, keys, rescale, padded, kBlockDims);
  __builtin_memcpy(out, padded, static_cast<size_t>(dims) * sizeof(float));
}

/// A full block of dimensions for queries [query, queries), most at a time.
void value_queries(const AttentionTile& tile, const TileScratch& scratch, const float* values,
                   int64_t dim) noexcept {
  for (int64_t query = 0; query < tile.queries;) {
    const int64_t left = tile.queries - query;
    const int64_t count = left >= 6 && left != 8 ? 6 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
    const int64_t keys = longest_limit(tile, query, count);
    const float* p = scratch.p + query;
    const float* rescale = scratch.rescale + query;
    float* out = tile.out + query * tile.v_dim + dim;
    switch (count) {
      case 1:
        value_block<1>(p, values, keys, rescale, out, tile.v_dim);
        break;
      case 2:
        value_block<2>(p, values, keys, rescale, out, tile.v_dim);
        break;
      case 4:
        value_block<4>(p, values, keys, rescale, out, tile.v_dim);
        break;
      default:
        value_block<6>(p, values, keys, rescale, out, tile.v_dim);
        break;
    }
    query += count;
  }
}

void add_values(const AttentionTile& tile, const TileScratch& scratch) noexcept {
  for (int64_t dim = 0; dim < tile.v_dim; dim += kBlockDims) {
    const float* values = scratch.values + dim * tile.keys;
    if (dim + kBlockDims <= tile.v_dim) {
      value_queries(tile, scratch, values, dim);
      continue;
    }
    for (int64_t query = 0; query < tile.queries; ++query) {
      value_tail(scratch.p + query, values, limit_of(tile, query), scratch.rescale + query,
                 tile.out + query * tile.v_dim + dim, tile.v_dim - dim);
    }
  }
}

}  // namespace

void attention_tile(const AttentionTile& tile, std::byte* scratch_memory) noexcept {
  AttentionTile cut = tile;  // what no query reads need not be computed
  cut.keys = longest_limit(tile, 0, tile.queries);
  if (cut.keys <= 0) {
    return;
  }
  const TileScratch scratch = cut_scratch(cut, scratch_memory);
  for (int64_t key = 0; key < cut.keys; ++key) {
    widen_row(cut.key_rows[key], cut.qk_dim, scratch.keys + key * cut.qk_dim);
  }
  widen_values(cut, cut.keys, scratch.values);
  const int64_t pairs = (cut.qk_dim + 1) / 2;
  for (int64_t first = 0; first < cut.queries; first += kGroupQueries) {
    const int64_t keys = longest_limit(cut, first, kGroupQueries);
    widen_group(cut.q + first * pairs * 2, pairs, scratch.q);
    score_group(scratch.q, scratch.keys, cut.qk_dim, keys, cut.scale, scratch.scores);
    softmax_eight(cut, first, keys, scratch.scores, scratch);
    softmax_eight(cut, first + 8, keys, scratch.scores + 8, scratch);
  }
  add_values(cut, scratch);
}

void pack_queries(const float* rows, int64_t stride, int64_t queries, int64_t dim,
                  Bf16* packed) noexcept {
  const int64_t pairs = (dim + 1) / 2;
  const int64_t padded = (queries + kGroupQueries - 1) / kGroupQueries * kGroupQueries;
  for (int64_t query = 0; query < padded; ++query) {
    Bf16* to = packed + (query / kGroupQueries * pairs * kGroupQueries + query % kGroupQueries) * 2;
    for (int64_t i = 0; i < 2 * pairs; i += 16) {
      const int64_t left = query < queries ? smaller(16, dim - i) : 0;
      Bf16 numbers[16] = {};
      f32_to_bf16(rows + query * stride + i, numbers, left > 0 ? left : 0);
      for (int64_t j = 0; j < smaller(16, 2 * pairs - i); j += 2) {
        __builtin_memcpy(to + (i + j) * kGroupQueries, numbers + j, 2 * sizeof(Bf16));
      }
    }
  }
}

}  // namespace levin::kernels::avx2
