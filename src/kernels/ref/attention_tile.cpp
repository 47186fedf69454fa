// One tile of streaming-softmax attention: the definition.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/ref/functions.h"

namespace levin::kernels::ref {
namespace {

/// Feature `dim` of query `query` in the packed layout [queries/16, dims/2, 16, 2].
float packed_query(const AttentionTile& tile, int64_t query, int64_t dim) {
  const int64_t pairs = (tile.qk_dim + 1) / 2;
  return to_f32(tile.q[((query / 16 * pairs + dim / 2) * 16 + query % 16) * 2 + dim % 2]);
}

float score(const AttentionTile& tile, int64_t query, int64_t key) {
  float sum = 0.0F;
  for (int64_t dim = 0; dim < tile.qk_dim; ++dim) {
    sum += packed_query(tile, query, dim) * to_f32(tile.key_rows[key][dim]);
  }
  return sum * tile.scale;
}

void attend(const AttentionTile& tile, int64_t query, int64_t keys) {
  float scores[kAttentionTileKeys];
  float largest = tile.row_max[query];
  for (int64_t key = 0; key < keys; ++key) {
    scores[key] = score(tile, query, key);
    largest = std::max(largest, scores[key]);
  }
  if (largest == -std::numeric_limits<float>::infinity()) {
    return;
  }
  const float rescale = std::exp(tile.row_max[query] - largest);
  float* out = tile.out + query * tile.v_dim;
  for (int64_t dim = 0; dim < tile.v_dim; ++dim) {
    out[dim] *= rescale;
  }
  float sum = tile.row_sum[query] * rescale;
  for (int64_t key = 0; key < keys; ++key) {
    const float p = to_f32(base::to_bf16(std::exp(scores[key] - largest)));
    sum += p;
    for (int64_t dim = 0; dim < tile.v_dim; ++dim) {
      out[dim] += p * to_f32(tile.value_rows[key][dim]);
    }
  }
  tile.row_max[query] = largest;
  tile.row_sum[query] = sum;
}

}  // namespace

void attention_tile(const AttentionTile& tile, std::byte* /*scratch*/) noexcept {
  for (int64_t query = 0; query < tile.queries; ++query) {
    const int64_t limit = tile.key_limits == nullptr ? tile.keys : tile.key_limits[query];
    attend(tile, query, std::min(limit, tile.keys));
  }
}

void pack_queries(const float* rows, int64_t stride, int64_t queries, int64_t dim,
                  Bf16* packed) noexcept {
  const int64_t pairs = (dim + 1) / 2;
  const int64_t groups = (queries + 15) / 16;
  std::fill_n(packed, groups * pairs * 32, Bf16{});
  for (int64_t query = 0; query < queries; ++query) {
    for (int64_t i = 0; i < dim; ++i) {
      packed[((query / 16 * pairs + i / 2) * 16 + query % 16) * 2 + i % 2] =
          base::to_bf16(rows[query * stride + i]);
    }
  }
}

}  // namespace levin::kernels::ref
