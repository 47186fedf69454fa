// Selection by index scores: equal to a full stable sort, with the same result for any chunks,
// batches and threads.
#include "kernels/index_select.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/paged_cache.h"
#include "kernels/tables.h"
#include "kernels/top_k.h"

namespace levin::kernels {
namespace {

using tensor::Tensor;
using testing::kInfinity;
using testing::PagedCache;
using testing::random_heads;
using testing::random_rows;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// The definition: sort by score, larger first, NaN as -inf, stable in the position; then the first
/// k, ascending.
std::vector<int32_t> sorted_top_k(std::vector<float> scores, int64_t k) {
  for (float& score : scores) {
    score = std::isnan(score) ? -kInfinity : score;
  }
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  order.resize(static_cast<size_t>(std::min<int64_t>(k, std::ssize(order))));
  std::sort(order.begin(), order.end());
  return order;
}

class IndexSelectTest : public testing::TableTest {
 protected:
  std::vector<int32_t> stream_top_k(const std::vector<float>& scores, int64_t k) {
    std::vector<float> kept_scores(static_cast<size_t>(TopKStream::capacity(k)));
    std::vector<int32_t> kept_positions(kept_scores.size());
    std::vector<int32_t> orders(kept_scores.size());
    TopKStream stream(*table_, k, {kept_scores.data(), kept_positions.data(), orders.data()});
    for (int64_t pos = 0; pos < std::ssize(scores); pos += 64) {
      stream.push(scores.data() + pos, std::min<int64_t>(64, std::ssize(scores) - pos), pos);
    }
    std::vector<int32_t> selected(static_cast<size_t>(k), -1);
    stream.finish(selected.data());
    return selected;
  }

  void expect_sorted(const std::vector<float>& scores, int64_t k, const std::string& what) {
    ASSERT_EQ(stream_top_k(scores, k), sorted_top_k(scores, k))
        << what << ", " << scores.size() << " scores, k " << k;
  }
};

TEST_P(IndexSelectTest, StreamEqualsAStableSort) {
  for (const int64_t count : {1, 2, 63, 64, 65, 300, 1500, 5000, 9001}) {
    for (const int64_t k : {1, 2, 7, 64, 100, 1000, 2048}) {
      if (k > count) {
        continue;
      }
      std::vector<float> scores;
      for (int64_t i = 0; i < count; ++i) {
        scores.push_back(static_cast<float>(
            base::random_normal(static_cast<uint64_t>(count), static_cast<uint64_t>(i))));
      }
      expect_sorted(scores, k, "random");
      std::vector<float> coarse = scores;
      for (float& score : coarse) {
        score = std::round(score * 2.0F) / 2.0F;  // many ties, at 0 also between -0 and 0
      }
      expect_sorted(coarse, k, "ties");
      std::sort(scores.begin(), scores.end());
      expect_sorted(scores, k, "increasing");
      std::reverse(scores.begin(), scores.end());
      expect_sorted(scores, k, "decreasing");
      expect_sorted(std::vector<float>(static_cast<size_t>(count), 0.0F), k, "all equal");
      expect_sorted(std::vector<float>(static_cast<size_t>(count), -3.0F), k, "all equal");
    }
  }
}

TEST_P(IndexSelectTest, StreamStandsBlocksOfEqualScores) {
  std::vector<float> stairs;
  std::vector<float> falling_stairs;
  std::vector<float> teeth;
  for (int i = 0; i < 7000; ++i) {
    stairs.push_back(static_cast<float>(i / 500));
    falling_stairs.push_back(static_cast<float>(-i / 500));
    teeth.push_back(static_cast<float>(i % 3));
  }
  for (const int64_t k : {1, 499, 500, 501, 2048, 2400}) {
    expect_sorted(stairs, k, "stairs");
    expect_sorted(falling_stairs, k, "falling stairs");
    expect_sorted(teeth, k, "teeth");
  }
}

TEST_P(IndexSelectTest, StreamTakesNanAsMinusInfinity) {
  std::vector<float> scores(4000, kNan);
  expect_sorted(scores, 100, "all NaN");
  for (size_t i = 50; i < 4000; i += 70) {
    scores[i] = static_cast<float>(i);
    scores[i + 1] = -kInfinity;
    scores[i + 2] = -1e30F;
    scores[i + 3] = kInfinity;
  }
  for (const int64_t k : {1, 57, 58, 100, 170, 171, 1000, 4000}) {
    expect_sorted(scores, k, "NaN and infinities");
  }
}

TEST_P(IndexSelectTest, StreamTiesZerosOfBothSigns) {
  std::vector<float> scores(3000, -0.0F);
  for (size_t i = 1; i < 3000; i += 2) {
    scores[i] = 0.0F;
  }
  expect_sorted(scores, 100, "zeros");
}

constexpr int64_t kHeads = 6;
constexpr int64_t kDim = 32;
constexpr IndexEncoding kEncoding = {};
constexpr IndexEncoding kPlainEncoding = {.key_format = IndexKeyFormat::kBf16, .hadamard = false};

/// A sequence: cached index keys, raw queries and head weights of every token.
struct Sequence {
  Sequence(int64_t token_count, const IndexEncoding& index_encoding, uint64_t seed)
      : tokens(token_count),
        encoding(index_encoding),
        cache({.kv_row_dim = 8,
               .index_head_dim = kDim,
               .index_key_bytes = index_encoding.key_format == IndexKeyFormat::kE4m3 ? 1 : 2},
              token_count),
        keys(random_rows(token_count, kDim, seed)),
        q(random_heads(token_count, kHeads, kDim, seed + 1)),
        weights(random_rows(token_count, kHeads, seed + 2)) {}

  void store(Context& ctx) const {
    for (int64_t first = 0; first < tokens; first += 45) {  // in the middle of pages
      const int64_t count = std::min<int64_t>(45, tokens - first);
      store_index_keys(ctx, keys.view().rows(first, count), encoding, cache.view(), first);
    }
  }

  int64_t tokens;
  IndexEncoding encoding;
  PagedCache cache;
  Tensor<float, 2> keys;
  Tensor<float, 3> q;
  Tensor<float, 2> weights;
};

/// Selected positions of the tokens [first, first + count) as one chunk.
std::vector<std::vector<int32_t>> select_chunk(Context& ctx, const Sequence& sequence,
                                               int64_t first, int64_t count, int64_t topk,
                                               TensorView<float, 2>* scores = nullptr) {
  IndexQueries queries;
  encode_index_queries(ctx, sequence.q.view().rows(first, count),
                       sequence.weights.view().rows(first, count), sequence.encoding, queries);
  const IndexChunk chunks[] = {
      {.first_row = 0, .tokens = count, .first_pos = first, .kv = sequence.cache.view()}};
  Tensor<int32_t, 2> selected({count, topk});
  std::vector<int32_t> counts(static_cast<size_t>(count), -1);
  select_top_k(ctx, queries, chunks, sequence.encoding.key_format, topk, selected.view(), counts,
               scores);
  std::vector<std::vector<int32_t>> lists;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t* row = selected.view().row(i);
    lists.emplace_back(row, row + counts[static_cast<size_t>(i)]);
  }
  return lists;
}

TEST_P(IndexSelectTest, SelectsTheLargestScoresItReports) {
  for (const IndexEncoding& encoding : {kEncoding, kPlainEncoding}) {
    base::ThreadPool pool(2);
    Context ctx(pool, *table_);
    const Sequence sequence(400, encoding, 31);
    sequence.store(ctx);
    for (const int64_t first : {0, 60, 130, 399}) {
      const int64_t count = std::min<int64_t>(100, 400 - first);
      Tensor<float, 2> scores({count, 420});
      TensorView<float, 2> view = scores.view();
      const auto lists = select_chunk(ctx, sequence, first, count, 50, &view);
      for (int64_t i = 0; i < count; ++i) {
        const float* row = view.row(i);
        const int64_t visible = first + i + 1;
        EXPECT_EQ(lists[i], sorted_top_k({row, row + visible}, 50)) << "position " << first + i;
        EXPECT_TRUE(std::all_of(row + visible, row + 420, [](float x) { return x == 0.0F; }));
      }
    }
  }
}

TEST_P(IndexSelectTest, ScoresAreTheIndexersUpToFp8Rounding) {
  base::ThreadPool pool(1);
  Context ctx(pool, *table_);
  for (const IndexEncoding& encoding : {kEncoding, kPlainEncoding}) {
    const Sequence sequence(150, encoding, 41);
    sequence.store(ctx);
    Tensor<float, 2> scores({150, 150});
    TensorView<float, 2> view = scores.view();
    select_chunk(ctx, sequence, 0, 150, 10, &view);
    double error = 0.0;
    double norm = 0.0;
    for (int64_t token = 0; token < 150; ++token) {
      for (int64_t pos = 0; pos <= token; ++pos) {
        double expected = 0.0;
        for (int64_t head = 0; head < kHeads; ++head) {
          double dot = 0.0;
          for (int64_t i = 0; i < kDim; ++i) {
            dot += static_cast<double>(sequence.q.view().row(token, head)[i]) *
                   sequence.keys.view().row(pos)[i];
          }
          expected += sequence.weights.view().row(token)[head] * std::max(0.0, dot);
        }
        error += std::pow(view.row(token)[pos] - expected, 2);
        norm += expected * expected;
      }
    }
    const double bound = encoding.key_format == IndexKeyFormat::kE4m3 ? 0.06 : 0.005;
    EXPECT_LT(std::sqrt(error / norm), bound);
  }
}

TEST_P(IndexSelectTest, ChunksThreadsAndBatchesDoNotMatter) {
  std::vector<std::vector<int32_t>> whole;
  {
    base::ThreadPool pool(1);
    Context ctx(pool, *table_);
    const Sequence sequence(700, kEncoding, 51);
    sequence.store(ctx);
    whole = select_chunk(ctx, sequence, 0, 700, 40);
  }
  for (const int threads : {1, 2, 3}) {
    base::ThreadPool pool(threads);
    Context ctx(pool, *table_);
    const Sequence sequence(700, kEncoding, 51);
    sequence.store(ctx);
    for (const int64_t chunk : {700, 64, 7, 1}) {
      const int64_t begin = chunk < 64 ? 660 : 0;
      for (int64_t first = begin; first < 700; first += chunk) {
        const int64_t count = std::min(chunk, 700 - first);
        const auto lists = select_chunk(ctx, sequence, first, count, 40);
        for (int64_t i = 0; i < count; ++i) {
          ASSERT_EQ(lists[i], whole[first + i]) << "threads " << threads << ", chunk " << chunk;
        }
      }
    }
  }
}

/// Few queries over a long context: their scores pass through the workspace window by window.
TEST_P(IndexSelectTest, SelectsAcrossTheWindowsOfALongContext) {
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  constexpr int64_t kTokens = 32768 + 100;  // of 16 queries: one window and a rest
  constexpr int64_t kFirst = kTokens - 16;
  const Sequence sequence(kTokens, kEncoding, 55);
  sequence.store(ctx);
  Tensor<float, 2> scores({16, kTokens});
  TensorView<float, 2> view = scores.view();
  const auto lists = select_chunk(ctx, sequence, kFirst, 16, 300, &view);
  for (int64_t i = 0; i < 16; ++i) {
    const float* row = view.row(i);
    ASSERT_EQ(lists[i], sorted_top_k({row, row + kFirst + i + 1}, 300)) << "query " << i;
  }
}

TEST(IndexSelectWorkspace, DoesNotGrowWithALongContext) {
  const int64_t at_64k = select_workspace_bytes(16, int64_t{1} << 16, 2048, 2);
  EXPECT_GT(at_64k, int64_t{1} << 21);
  EXPECT_EQ(select_workspace_bytes(16, int64_t{1} << 20, 2048, 2), at_64k);
  EXPECT_LT(select_workspace_bytes(1, int64_t{1} << 12, 2048, 2), at_64k);
}

TEST_P(IndexSelectTest, MixedStepsSelectLikeEachSequenceAlone) {
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  const Sequence a(300, kEncoding, 61);
  const Sequence b(200, kEncoding, 71);
  a.store(ctx);
  b.store(ctx);
  // Rows: one decode token of a, then 60 prefill tokens of b.
  Tensor<float, 3> q({61, kHeads, kDim});
  Tensor<float, 2> weights({61, kHeads});
  std::copy_n(a.q.view().row(299), kHeads * kDim, q.view().row(0));
  std::copy_n(b.q.view().row(100), 60 * kHeads * kDim, q.view().row(1));
  std::copy_n(a.weights.view().row(299), kHeads, weights.view().row(0));
  std::copy_n(b.weights.view().row(100), 60 * kHeads, weights.view().row(1));
  IndexQueries queries;
  encode_index_queries(ctx, q.view(), weights.view(), kEncoding, queries);
  const IndexChunk chunks[] = {
      {.first_row = 0, .tokens = 1, .first_pos = 299, .kv = a.cache.view()},
      {.first_row = 1, .tokens = 60, .first_pos = 100, .kv = b.cache.view()}};
  Tensor<int32_t, 2> selected({61, 30});
  std::vector<int32_t> counts(61);
  select_top_k(ctx, queries, chunks, kEncoding.key_format, 30, selected.view(), counts);
  const auto list = [&](int64_t row) {
    const int32_t* positions = selected.view().row(row);
    return std::vector<int32_t>(positions, positions + counts[static_cast<size_t>(row)]);
  };
  EXPECT_EQ(list(0), select_chunk(ctx, a, 299, 1, 30)[0]);
  const auto alone = select_chunk(ctx, b, 100, 60, 30);
  for (int64_t i = 0; i < 60; ++i) {
    EXPECT_EQ(list(1 + i), alone[static_cast<size_t>(i)]);
  }
}

TEST_P(IndexSelectTest, TakesEverythingWhileTheContextIsShort) {
  base::ThreadPool pool(1);
  Context ctx(pool, *table_);
  const Sequence sequence(30, kEncoding, 81);
  sequence.store(ctx);
  const auto lists = select_chunk(ctx, sequence, 0, 30, 30);
  for (int64_t i = 0; i < 30; ++i) {
    std::vector<int32_t> all(static_cast<size_t>(i + 1));
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(lists[static_cast<size_t>(i)], all);
  }
}

TEST_P(IndexSelectTest, RefusesDimensionsItCannotTransform) {
  base::ThreadPool pool(1);
  Context ctx(pool, *table_);
  const Tensor<float, 2> keys = random_rows(1, 48, 91);
  const PagedCache cache({.kv_row_dim = 8, .index_head_dim = 48}, 1);
  EXPECT_THROW(store_index_keys(ctx, keys.view(), kEncoding, cache.view(), 0), base::Error);
  const Tensor<float, 2> wide = random_rows(1, 1024, 92);
  EXPECT_THROW(store_index_keys(ctx, wide.view(), kEncoding, cache.view(), 0), base::Error);
  const Tensor<float, 3> many_heads = random_heads(1, 2049, 128, 93);
  const Tensor<float, 2> weights = random_rows(1, 2049, 94);
  IndexQueries queries;
  EXPECT_THROW(encode_index_queries(ctx, many_heads.view(), weights.view(), kEncoding, queries),
               base::Error);
}

LEVIN_FOR_EACH_TABLE(IndexSelectTest);

}  // namespace
}  // namespace levin::kernels
