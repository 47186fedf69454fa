// Scores of the lightning indexer over one page, and the filter behind its top-k: the definition.
#include <algorithm>

#include "kernels/kv_layout.h"
#include "kernels/ref/functions.h"

namespace levin::kernels::ref {
namespace {

/// Feature `dim` of key `key` in the page layout [dim/2, 64, 2].
float key_feature(const std::byte* keys, IndexKeyFormat format, int64_t key, int64_t dim) {
  const int64_t at = (dim / 2 * kPageTokens + key) * 2 + dim % 2;
  if (format == IndexKeyFormat::kE4m3) {
    return to_f32(base::E4m3{static_cast<uint8_t>(keys[at])});
  }
  return to_f32(reinterpret_cast<const Bf16*>(keys)[at]);
}

}  // namespace

void index_scores_page(const Bf16* q, const float* w, int64_t queries, int64_t heads, int64_t dim,
                       const std::byte* keys, IndexKeyFormat format, const float* key_scales,
                       float* scores, int64_t scores_stride, std::byte* /*scratch*/) noexcept {
  for (int64_t query = 0; query < queries; ++query) {
    for (int64_t key = 0; key < kPageTokens; ++key) {
      float total = 0.0F;
      for (int64_t head = 0; head < heads; ++head) {
        const Bf16* head_q = q + (query * heads + head) * dim;
        float dot = 0.0F;
        for (int64_t i = 0; i < dim; ++i) {
          dot += to_f32(head_q[i]) * key_feature(keys, format, key, i);
        }
        // Written so that a NaN passes: it must reach the score.
        total += w[query * heads + head] * (dot < 0.0F ? 0.0F : dot);
      }
      scores[query * scores_stride + key] = key_scales[key] * total;
    }
  }
}

int64_t append_above(const float* scores, int64_t count, int32_t first_pos, float threshold,
                     float* kept_scores, int32_t* kept_positions) noexcept {
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (scores[i] > threshold) {
      kept_scores[kept] = scores[i];
      kept_positions[kept] = first_pos + static_cast<int32_t>(i);
      ++kept;
    }
  }
  return kept;
}

}  // namespace levin::kernels::ref
