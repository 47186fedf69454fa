// The public attention ops over a paged cache: against softmax in double, and bit against bit for
// other threads, batches, chunks and splits.
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "kernels/latent_cache.h"
#include "kernels/paged_cache.h"
#include "kernels/tables.h"

namespace levin::kernels {
namespace {

using tensor::Tensor;
using testing::ExpandWeights;
using testing::expect_same_bits;
using testing::kDims;
using testing::kRowDim;
using testing::LatentCache;
using testing::PagedCache;
using testing::random_heads;
using testing::random_rows;

/// Softmax attention in double over gathered rows.
///   keys, values: one pointer per row read
std::vector<double> attend(const float* q, int64_t qk_dim, const std::vector<const float*>& keys,
                           const std::vector<const float*>& values, int64_t v_dim, double scale) {
  std::vector<double> scores;
  for (const float* key : keys) {
    double score = 0.0;
    for (int64_t i = 0; i < qk_dim; ++i) {
      score += static_cast<double>(q[i]) * key[i];
    }
    scores.push_back(score * scale);
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0.0;
  std::vector<double> out(static_cast<size_t>(v_dim), 0.0);
  for (size_t row = 0; row < scores.size(); ++row) {
    const double p = std::exp(scores[row] - largest);
    sum += p;
    for (int64_t i = 0; i < v_dim; ++i) {
      out[i] += p * values[row][i];
    }
  }
  for (double& x : out) {
    x /= sum;
  }
  return out;
}

std::vector<int32_t> every_third(int64_t tokens) {
  std::vector<int32_t> positions;
  for (int64_t pos = 1; pos < tokens; pos += 3) {
    positions.push_back(static_cast<int32_t>(pos));
  }
  return positions;
}

class AttentionTest : public testing::TableTest {
 protected:
  Tensor<float, 3> absorbed(const Tensor<float, 3>& q, std::span<const AbsorbedQuery> queries,
                            int threads, const MlaDims& dims = kDims) {
    base::ThreadPool pool(threads);
    Context ctx(pool, *table_);
    Tensor<float, 3> out({q.view().extent(0), dims.num_attention_heads, dims.kv_lora_rank});
    rows_read_ = absorbed_attention(ctx, q.view(), queries, dims, out.view());
    return out;
  }

  int64_t rows_read_ = 0;
};

TEST_P(AttentionTest, AbsorbedReadsTheNamedRows) {
  const LatentCache latents(700, 2);
  const std::vector<int32_t> positions = every_third(700);
  const std::vector<int32_t> single = {699};
  const AbsorbedQuery queries[] = {{latents.cache.view(), positions, 700},
                                   {latents.cache.view(), {}, 650},
                                   {latents.cache.view(), single, 700}};
  const Tensor<float, 3> q = random_heads(3, 5, kRowDim, 2);
  const Tensor<float, 3> out = absorbed(q, queries, 2);
  EXPECT_EQ(rows_read_, static_cast<int64_t>(positions.size()) + 650 + 1);
  for (int64_t token = 0; token < 3; ++token) {
    std::vector<const float*> rows;
    for (int32_t pos = 0; pos < queries[token].kv_tokens; ++pos) {
      const auto& list = queries[token].positions;
      if (list.empty() || std::binary_search(list.begin(), list.end(), pos)) {
        rows.push_back(latents.rows.view().row(pos));
      }
    }
    for (int64_t head = 0; head < 5; ++head) {
      const std::vector<double> expected =
          attend(q.view().row(token, head), kRowDim, rows, rows, 64, kDims.softmax_scale);
      for (int64_t i = 0; i < 64; ++i) {
        ASSERT_NEAR(out.view().row(token, head)[i], expected[i], 0.02)
            << "token " << token << ", head " << head;
      }
    }
  }
}

TEST_P(AttentionTest, AbsorbedGivesTheSameBitsForAnyThreadsAndBatch) {
  const int64_t kv_tokens = table_->name == "ref" ? 700 : 9000;  // 2 splits, or 16
  const LatentCache latents(kv_tokens, 2);
  const std::vector<int32_t> positions = every_third(kv_tokens);
  std::vector<AbsorbedQuery> queries;
  for (int64_t i = 0; i < 9; ++i) {
    queries.push_back({latents.cache.view(),
                       i % 2 == 0 ? std::span<const int32_t>() : std::span(positions),
                       kv_tokens - i * 60});
  }
  const Tensor<float, 3> q = random_heads(9, 5, kRowDim, 3);
  const Tensor<float, 3> batched = absorbed(q, queries, 1);  // enough tokens: a task is one
  for (const int threads : {2, 3}) {                         // a task is a split
    const Tensor<float, 3> out = absorbed(q, queries, threads);
    expect_same_bits(out.view(), batched.view(), "threads");
  }
  for (const int threads : {1, 2, 3}) {
    for (int64_t token = 0; token < 9; token += 3) {
      Tensor<float, 3> alone_q({1, 5, kRowDim});
      std::copy_n(q.view().row(token), 5 * kRowDim, alone_q.data());
      const Tensor<float, 3> alone =
          absorbed(alone_q, std::span(queries).subspan(token, 1), threads);
      expect_same_bits(alone.view(), batched.view().rows(token, 1), "alone");
    }
  }
}

TEST_P(AttentionTest, AbsorbedTakesMoreHeadsThanATile) {
  MlaDims dims = kDims;
  dims.num_attention_heads = 150;
  const LatentCache latents(40, 2);
  const AbsorbedQuery queries[] = {{latents.cache.view(), {}, 40}};
  const Tensor<float, 3> q = random_heads(1, 150, kRowDim, 4);
  const Tensor<float, 3> out = absorbed(q, queries, 2, dims);
  std::vector<const float*> rows;
  for (int64_t pos = 0; pos < 40; ++pos) {
    rows.push_back(latents.rows.view().row(pos));
  }
  for (const int64_t head : {0, 127, 128, 149}) {
    const std::vector<double> expected =
        attend(q.view().row(0, head), kRowDim, rows, rows, 64, kDims.softmax_scale);
    for (int64_t i = 0; i < 64; ++i) {
      ASSERT_NEAR(out.view().row(0, head)[i], expected[i], 0.02) << "head " << head;
    }
  }
}

TEST_P(AttentionTest, RefusesRowsThatExceedTheScratchMemory) {
  MlaDims dims = kDims;
  dims.kv_lora_rank = 1600;
  const PagedCache cache({.kv_row_dim = 1616}, 1);
  const AbsorbedQuery queries[] = {{cache.view(), {}, 1}};
  const Tensor<float, 3> q = random_heads(1, 5, 1616, 4);
  EXPECT_THROW(absorbed(q, queries, 1, dims), base::Error);
}

/// kv_b_proj applied to the cached latents: [tokens, heads * (nope + v)].
Tensor<float, 2> expand(const LatentCache& latents, const ExpandWeights& weights, int64_t tokens) {
  Tensor<float, 2> expanded({tokens, 5 * 64});
  for (int64_t pos = 0; pos < tokens; ++pos) {
    for (int64_t row = 0; row < 5 * 64; ++row) {
      double sum = 0.0;
      for (int64_t i = 0; i < 64; ++i) {
        sum +=
            static_cast<double>(latents.rows.view().row(pos)[i]) * weights.wide.view().row(row)[i];
      }
      expanded.view().row(pos)[row] = static_cast<float>(sum);
    }
  }
  return expanded;
}

/// The oracle of both expanded forms, for one query.
std::vector<double> attend_expanded(const LatentCache& latents, const Tensor<float, 2>& expanded,
                                    const float* q, int64_t head,
                                    const std::vector<int64_t>& positions) {
  std::vector<std::vector<float>> keys;
  std::vector<const float*> key_rows;
  std::vector<const float*> value_rows;
  for (const int64_t pos : positions) {
    const float* head_row = expanded.view().row(pos) + head * 64;
    keys.emplace_back(head_row, head_row + 24);
    keys.back().insert(keys.back().end(), latents.rows.view().row(pos) + 64,
                       latents.rows.view().row(pos) + kRowDim);
    value_rows.push_back(head_row + 24);
  }
  for (const std::vector<float>& key : keys) {
    key_rows.push_back(key.data());
  }
  return attend(q, 40, key_rows, value_rows, 40, kDims.softmax_scale);
}

TEST_P(AttentionTest, ExpandedIsCausalAttention) {
  const LatentCache latents(330, 2);
  const ExpandWeights weights;
  const Tensor<float, 2> expanded = expand(latents, weights, 330);
  const Tensor<float, 3> q = random_heads(150, 5, 40, 6);
  Tensor<float, 3> out({150, 5, 40});
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  const ExpandedChunk chunk{.kv = latents.cache.view(), .first_pos = 180, .tokens = 150};
  EXPECT_EQ(expanded_attention(ctx, q.view(), {&chunk, 1}, weights.matrix, kDims, out.view()), 330);
  for (int64_t token = 0; token < 150; token += 7) {
    std::vector<int64_t> positions;
    for (int64_t pos = 0; pos <= 180 + token; ++pos) {
      positions.push_back(pos);
    }
    for (int64_t head = 0; head < 5; ++head) {
      const std::vector<double> expected =
          attend_expanded(latents, expanded, q.view().row(token, head), head, positions);
      for (int64_t i = 0; i < 40; ++i) {
        ASSERT_NEAR(out.view().row(token, head)[i], expected[i], 0.02)
            << "token " << token << ", head " << head;
      }
    }
  }
}

TEST_P(AttentionTest, ExpandedGivesTheSameBitsForAnyChunksAndThreads) {
  const LatentCache latents(290, 2);
  const ExpandWeights weights;
  const Tensor<float, 3> q = random_heads(290, 5, 40, 7);
  const auto run = [&](int64_t chunk, int threads) {
    base::ThreadPool pool(threads);
    Context ctx(pool, *table_);
    Tensor<float, 3> out({290, 5, 40});
    for (int64_t first = 0; first < 290; first += chunk) {
      const ExpandedChunk part{.kv = latents.cache.view(),
                               .first_pos = first,
                               .first_row = first,
                               .tokens = std::min<int64_t>(chunk, 290 - first)};
      expanded_attention(ctx, q.view(), {&part, 1}, weights.matrix, kDims, out.view());
    }
    return out;
  };
  const Tensor<float, 3> whole = run(290, 1);
  expect_same_bits(run(290, 3).view(), whole.view(), "three threads");
  expect_same_bits(run(64, 2).view(), whole.view(), "chunks of 64");
  expect_same_bits(run(37, 1).view(), whole.view(), "chunks of 37");
  expect_same_bits(run(145, 1).view(), whole.view(), "chunks of 145");
  expect_same_bits(run(129, 1).view(), whole.view(), "chunks that end on a tile's first key");
}

TEST_P(AttentionTest, ReferenceFormsAreFloat32Exact) {
  const LatentCache latents(120, 4);
  const ExpandWeights weights;
  const Tensor<float, 2> expanded = expand(latents, weights, 120);
  const std::vector<int32_t> positions = every_third(100);
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);

  const Tensor<float, 3> absorbed_q = random_heads(2, 5, kRowDim, 8);
  Tensor<float, 3> absorbed_out({2, 5, 64});
  const AbsorbedQuery queries[] = {{latents.cache.view(), positions, 100},
                                   {latents.cache.view(), {}, 120}};
  EXPECT_EQ(
      absorbed_attention_reference(ctx, absorbed_q.view(), queries, kDims, absorbed_out.view()),
      static_cast<int64_t>(positions.size()) + 120);
  const Tensor<float, 3> expanded_q = random_heads(2, 5, 40, 9);
  Tensor<float, 3> expanded_out({2, 5, 40});
  const std::span<const int32_t> lists[] = {positions, {}};
  EXPECT_EQ(expanded_attention_reference(ctx, expanded_q.view(), 118, latents.cache.view(),
                                         expanded.view(), lists, kDims, expanded_out.view()),
            static_cast<int64_t>(positions.size()) + 120);

  for (int64_t token = 0; token < 2; ++token) {
    std::vector<int64_t> read;
    for (int64_t pos = token == 0 ? 1 : 0; pos < (token == 0 ? 100 : 120);
         pos += token == 0 ? 3 : 1) {
      read.push_back(pos);
    }
    std::vector<const float*> rows;
    for (const int64_t pos : read) {
      rows.push_back(latents.rows.view().row(pos));
    }
    for (int64_t head = 0; head < 5; ++head) {
      const std::vector<double> absorbed =
          attend(absorbed_q.view().row(token, head), kRowDim, rows, rows, 64, kDims.softmax_scale);
      for (int64_t i = 0; i < 64; ++i) {
        ASSERT_NEAR(absorbed_out.view().row(token, head)[i], absorbed[i], 2e-5);
      }
      const std::vector<double> mha =
          attend_expanded(latents, expanded, expanded_q.view().row(token, head), head, read);
      for (int64_t i = 0; i < 40; ++i) {
        ASSERT_NEAR(expanded_out.view().row(token, head)[i], mha[i], 2e-5);
      }
    }
  }
}

LEVIN_FOR_EACH_TABLE(AttentionTest);

}  // namespace
}  // namespace levin::kernels
