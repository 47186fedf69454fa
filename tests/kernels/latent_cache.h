// A small MLA layer for tests of attention: dimensions, latent rows in a cache, kv_b_proj.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/float_formats.h"
#include "base/thread_pool.h"
#include "kernels/attention.h"
#include "kernels/context.h"
#include "kernels/paged_cache.h"
#include "tensor/buffer.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels::testing {

inline constexpr MlaDims kDims = {.num_attention_heads = 5,
                                  .kv_lora_rank = 64,
                                  .qk_nope_head_dim = 24,
                                  .qk_rope_head_dim = 16,
                                  .v_head_dim = 40,
                                  .softmax_scale = 0.15F};
inline constexpr int64_t kRowDim = 64 + 16;

/// A cache with `tokens` random latent rows, and the rows as float32 as they were stored.
struct LatentCache {
  LatentCache(int64_t tokens, int64_t latent_bytes, uint64_t seed = 1)
      : cache({.kv_row_dim = kRowDim, .latent_bytes = latent_bytes}, tokens),
        rows(random_rows(tokens, kRowDim, seed)) {
    if (latent_bytes == 2) {
      for (int64_t i = 0; i < tokens * kRowDim; ++i) {
        rows.data()[i] = to_f32(base::to_bf16(rows.data()[i]));
      }
    }
    base::ThreadPool pool(1);
    Context ctx(pool, ref::table());
    // In two calls, the second in the middle of a page.
    const int64_t first = std::min<int64_t>(tokens, 70);
    store_latent_rows(ctx, rows.view().rows(0, first), cache.view(), 0);
    store_latent_rows(ctx, rows.view().rows(first, tokens - first), cache.view(), first);
  }

  PagedCache cache;
  tensor::Tensor<float, 2> rows;
};

/// kv_b_proj [heads * (nope + v), kv_lora_rank] as bf16, and as float32.
struct ExpandWeights {
  ExpandWeights() : wide(random_rows(5 * (24 + 40), 64, 5, 0.125)) {
    for (int64_t i = 0; i < 5 * 64 * 64; ++i) {
      narrow.push_back(base::to_bf16(wide.data()[i]));
      wide.data()[i] = to_f32(narrow.back());
    }
    matrix = {.format = tensor::WeightFormat::kBf16,
              .rows = 5 * 64,
              .cols = 64,
              .data = reinterpret_cast<const std::byte*>(narrow.data())};
  }

  std::vector<Bf16> narrow;
  tensor::Tensor<float, 2> wide;
  WeightMatrix matrix;
};

inline void expect_same_bits(TensorView<const float, 3> a, TensorView<const float, 3> b,
                             const char* what) {
  ASSERT_EQ(a.extents(), b.extents());
  for (int64_t i = 0; i < a.extent(0); ++i) {
    for (int64_t j = 0; j < a.extent(1); ++j) {
      ASSERT_EQ(std::memcmp(a.row(i, j), b.row(i, j), sizeof(float) * a.extent(2)), 0)
          << what << ": token " << i << ", head " << j;
    }
  }
}

}  // namespace levin::kernels::testing
