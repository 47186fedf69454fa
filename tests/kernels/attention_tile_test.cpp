// attention_tile and pack_queries of every table, against softmax attention in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/kv_layout.h"
#include "kernels/op_table.h"
#include "kernels/tables.h"
#include "tensor/buffer.h"

namespace levin::kernels {
namespace {

using testing::kInfinity;

struct TileShape {
  int64_t queries = 1;
  int64_t qk_dim = 16;
  int64_t v_dim = 16;
  int64_t keys = 1;
};

/// Queries, keys and values with the state of a streaming softmax.
class TileCase {
 public:
  TileCase(const TileShape& tile_shape, uint64_t seed, double magnitude = 1.0)
      : shape(tile_shape),
        q(static_cast<size_t>(tile_shape.queries * tile_shape.qk_dim)),
        keys_(static_cast<size_t>(tile_shape.keys * tile_shape.qk_dim)),
        values_(static_cast<size_t>(tile_shape.keys * tile_shape.v_dim)),
        row_max(static_cast<size_t>(tile_shape.queries), -kInfinity),
        row_sum(static_cast<size_t>(tile_shape.queries), 0.0F),
        out(static_cast<size_t>(tile_shape.queries * tile_shape.v_dim), 0.0F) {
    uint64_t counter = 0;
    const auto random = [&] { return static_cast<float>(base::random_normal(seed, counter++)); };
    for (float& x : q) {
      // Already bf16: packing must not round, so that the oracle may use the same numbers.
      x = to_f32(base::to_bf16(random() * static_cast<float>(magnitude)));
    }
    for (Bf16& x : keys_) {
      x = base::to_bf16(random());
    }
    for (Bf16& x : values_) {
      x = base::to_bf16(random());
    }
    for (int64_t key = 0; key < shape.keys; ++key) {
      key_rows.push_back(keys_.data() + key * shape.qk_dim);
      value_rows.push_back(values_.data() + key * shape.v_dim);
    }
    scale = 1.0F / std::sqrt(static_cast<float>(shape.qk_dim));
  }

  /// Feeds the keys [begin, end) as one tile.
  void run(const OpTable& table, int64_t begin, int64_t end,
           const std::vector<int32_t>* limits = nullptr) {
    const int64_t groups = (shape.queries + 15) / 16;
    std::vector<Bf16> packed(static_cast<size_t>(groups * ((shape.qk_dim + 1) / 2) * 32));
    table.pack_queries(q.data(), shape.qk_dim, shape.queries, shape.qk_dim, packed.data());
    tensor::Buffer scratch(kThreadScratchBytes);
    AttentionTile tile;
    tile.q = packed.data();
    tile.queries = shape.queries;
    tile.qk_dim = shape.qk_dim;
    tile.v_dim = shape.v_dim;
    tile.key_rows = key_rows.data() + begin;
    tile.value_rows = value_rows.data() + begin;
    tile.keys = end - begin;
    tile.key_limits = limits == nullptr ? nullptr : limits->data();
    tile.scale = scale;
    tile.row_max = row_max.data();
    tile.row_sum = row_sum.data();
    tile.out = out.data();
    table.attention_tile(tile, scratch.data());
  }

  [[nodiscard]] double score(int64_t query, int64_t key) const {
    double sum = 0.0;
    for (int64_t i = 0; i < shape.qk_dim; ++i) {
      sum += static_cast<double>(q[query * shape.qk_dim + i]) * to_f32(key_rows[key][i]);
    }
    return sum * scale;
  }

  /// Softmax attention of the query over keys [0, keys) in double.
  [[nodiscard]] std::vector<double> oracle(int64_t query, int64_t keys) const {
    double largest = -kInfinity;
    for (int64_t key = 0; key < keys; ++key) {
      largest = std::max(largest, score(query, key));
    }
    double sum = 0.0;
    std::vector<double> expected(static_cast<size_t>(shape.v_dim), 0.0);
    for (int64_t key = 0; key < keys; ++key) {
      const double p = std::exp(score(query, key) - largest);
      sum += p;
      for (int64_t i = 0; i < shape.v_dim; ++i) {
        expected[i] += p * to_f32(value_rows[key][i]);
      }
    }
    for (double& x : expected) {
      x /= sum;
    }
    return expected;
  }

  void expect_near_oracle(int64_t query, int64_t keys, const std::string& what) const {
    const std::vector<double> expected = oracle(query, keys);
    for (int64_t i = 0; i < shape.v_dim; ++i) {
      // Probabilities are bf16: 2^-9 relative each, values about 1.
      ASSERT_NEAR(out[query * shape.v_dim + i] / row_sum[query], expected[i], 0.01)
          << what << ", query " << query << ", dim " << i;
    }
  }

  const TileShape shape;
  std::vector<float> q;

 private:
  std::vector<Bf16> keys_;
  std::vector<Bf16> values_;

 public:
  std::vector<float> row_max;
  std::vector<float> row_sum;
  std::vector<float> out;
  std::vector<const Bf16*> key_rows;
  std::vector<const Bf16*> value_rows;
  float scale = 1.0F;
};

std::string describe(const TileShape& shape) {
  return std::to_string(shape.queries) + " queries, " + std::to_string(shape.keys) +
         " keys, dims " + std::to_string(shape.qk_dim) + "/" + std::to_string(shape.v_dim);
}

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

class AttentionTileTest : public testing::TableTest {};

TEST_P(AttentionTileTest, MatchesSoftmaxAttentionInEveryShape) {
  const TileShape shapes[] = {
      {1, 16, 16, 1},     {1, 576, 512, 128}, {16, 576, 512, 127}, {17, 24, 20, 5},
      {128, 192, 128, 9}, {5, 40, 33, 128},   {33, 72, 64, 77},    {50, 18, 17, 31},
      {128, 32, 48, 128}, {7, 17, 16, 13},    {64, 56, 112, 14},   {97, 80, 80, 2},
  };
  for (const TileShape& shape : shapes) {
    TileCase tile(shape, 1);
    tile.run(*table_, 0, shape.keys);
    for (int64_t query = 0; query < shape.queries; ++query) {
      tile.expect_near_oracle(query, shape.keys, describe(shape));
    }
  }
}

TEST_P(AttentionTileTest, MatchesRefClosely) {
  const TileShape shapes[] = {{16, 576, 512, 128}, {128, 192, 128, 128}, {19, 45, 39, 67}};
  for (const TileShape& shape : shapes) {
    TileCase tile(shape, 2);
    TileCase ref = tile;
    tile.run(*table_, 0, shape.keys);
    ref.run(ref::table(), 0, shape.keys);
    for (size_t i = 0; i < tile.out.size(); ++i) {
      // A probability at the edge of two bf16 numbers may fall to either side.
      ASSERT_NEAR(tile.out[i], ref.out[i], 2e-2) << describe(shape) << ", number " << i;
    }
    for (int64_t query = 0; query < shape.queries; ++query) {
      ASSERT_NEAR(tile.row_max[query], ref.row_max[query], 1e-4);
      ASSERT_NEAR(tile.row_sum[query] / ref.row_sum[query], 1.0, 1e-3);
    }
  }
}

TEST_P(AttentionTileTest, StreamsOverSeveralTiles) {
  TileCase tile({40, 48, 40, 300}, 3);
  for (int64_t begin = 0; begin < 300; begin += 128) {
    tile.run(*table_, begin, std::min<int64_t>(begin + 128, 300));
  }
  for (int64_t query = 0; query < 40; ++query) {
    tile.expect_near_oracle(query, 300, "three tiles");
  }
}

TEST_P(AttentionTileTest, ReadsKeysBelowTheLimitOnly) {
  const TileShape shape{70, 48, 40, 100};
  TileCase tile(shape, 4);
  std::vector<int32_t> limits;
  for (int64_t query = 0; query < shape.queries; ++query) {
    limits.push_back(static_cast<int32_t>(query * 3 % 102));  // also 0, and beyond the tile
  }
  tile.run(*table_, 0, shape.keys, &limits);
  for (int64_t query = 0; query < shape.queries; ++query) {
    if (limits[query] > 0) {
      tile.expect_near_oracle(query, std::min<int64_t>(limits[query], shape.keys), "limited");
    } else {
      EXPECT_EQ(tile.row_sum[query], 0.0F);
      EXPECT_EQ(tile.row_max[query], -kInfinity);
      EXPECT_EQ(tile.out[query * shape.v_dim], 0.0F);
    }
  }
}

TEST_P(AttentionTileTest, LeavesTheBitsOfAQueryWhoseKeysAreAllMasked) {
  const TileShape shape{40, 48, 40, 200};
  TileCase tile(shape, 5);
  tile.run(*table_, 0, 100);
  const TileCase before = tile;
  std::vector<int32_t> limits(40, 0);
  for (size_t query = 1; query < 40; query += 2) {
    limits[query] = 50;
  }
  tile.run(*table_, 100, 200, &limits);
  for (int64_t query = 0; query < 40; query += 2) {
    EXPECT_EQ(tile.row_max[query], before.row_max[query]);
    EXPECT_EQ(tile.row_sum[query], before.row_sum[query]);
    EXPECT_EQ(std::memcmp(&tile.out[query * 40], &before.out[query * 40], 40 * sizeof(float)), 0);
  }
}

TEST_P(AttentionTileTest, GivesAQueryTheSameBitsInAnyCompany) {
  const TileShape shape{128, 72, 80, 128};
  TileCase all(shape, 6);
  all.run(*table_, 0, 128);
  for (const int64_t query : {0, 5, 15, 16, 63, 100, 127}) {
    TileCase alone(TileShape{1, 72, 80, 128}, 6);
    std::copy_n(all.q.begin() + query * 72, 72, alone.q.begin());
    alone.key_rows = all.key_rows;
    alone.value_rows = all.value_rows;
    alone.run(*table_, 0, 128);
    EXPECT_EQ(alone.row_max[0], all.row_max[query]);
    EXPECT_EQ(alone.row_sum[0], all.row_sum[query]);
    EXPECT_EQ(std::memcmp(alone.out.data(), &all.out[query * 80], 80 * sizeof(float)), 0)
        << "query " << query;
  }
}

TEST_P(AttentionTileTest, GivesAQueryTheSameBitsWhetherLaterKeysAreMaskedOrAbsent) {
  for (const int32_t limit : {1, 2, 31, 64, 127}) {
    TileCase masked({20, 40, 48, 128}, 7);
    TileCase absent = masked;
    const std::vector<int32_t> limits(20, limit);
    masked.run(*table_, 0, 128, &limits);
    absent.run(*table_, 0, limit);
    EXPECT_TRUE(same_bits(masked.out, absent.out)) << "limit " << limit;
    EXPECT_TRUE(same_bits(masked.row_sum, absent.row_sum)) << "limit " << limit;
  }
}

TEST_P(AttentionTileTest, StandsExtremeScores) {
  TileCase tile({16, 64, 32, 60}, 8, 1e4);  // scores of about +-1e4: one key takes it all
  tile.run(*table_, 0, 60);
  for (int64_t query = 0; query < 16; ++query) {
    tile.expect_near_oracle(query, 60, "large scores");
  }
  TileCase tiny({16, 64, 32, 60}, 8, 1e-6);  // all keys alike
  tiny.run(*table_, 0, 60);
  for (int64_t query = 0; query < 16; ++query) {
    tiny.expect_near_oracle(query, 60, "small scores");
    EXPECT_NEAR(tiny.row_sum[query], 60.0F, 0.1F);
  }
}

TEST_P(AttentionTileTest, SumsTheRoundedProbabilities) {
  // Values of 1 make the output the sum of what is multiplied: it must equal row_sum.
  TileCase tile({30, 32, 16, 128}, 9);
  std::vector<Bf16> ones(16, base::to_bf16(1.0F));
  tile.value_rows.assign(128, ones.data());
  tile.run(*table_, 0, 128);
  for (int64_t query = 0; query < 30; ++query) {
    ASSERT_NEAR(tile.out[query * 16] / tile.row_sum[query], 1.0, 1e-6);
  }
}

TEST_P(AttentionTileTest, ShowsANanInTheKeys) {
  TileCase tile({3, 32, 16, 10}, 10);
  std::vector<Bf16> bad(32, Bf16{0x7FC0});
  tile.key_rows[4] = bad.data();
  tile.run(*table_, 0, 10);
  EXPECT_TRUE(std::isnan(tile.out[0]));
}

TEST_P(AttentionTileTest, PacksQueriesInGroupsOfSixteenByFeaturePairs) {
  for (const int64_t dim : {1, 2, 15, 16, 33, 64, 576}) {
    for (const int64_t queries : {1, 16, 21}) {
      const int64_t stride = dim + 3;
      std::vector<float> rows(static_cast<size_t>(queries * stride));
      for (size_t i = 0; i < rows.size(); ++i) {
        rows[i] = static_cast<float>(base::random_normal(11, i));
      }
      const int64_t pairs = (dim + 1) / 2;
      const int64_t groups = (queries + 15) / 16;
      std::vector<Bf16> packed(static_cast<size_t>(groups * pairs * 32), Bf16{0x1234});
      table_->pack_queries(rows.data(), stride, queries, dim, packed.data());
      for (int64_t query = 0; query < groups * 16; ++query) {
        for (int64_t i = 0; i < 2 * pairs; ++i) {
          const bool exists = query < queries && i < dim;
          const Bf16 expected = exists ? base::to_bf16(rows[query * stride + i]) : Bf16{};
          ASSERT_EQ(packed[((query / 16 * pairs + i / 2) * 16 + query % 16) * 2 + i % 2].bits,
                    expected.bits)
              << "dim " << dim << ", query " << query << ", feature " << i;
        }
      }
    }
  }
}

LEVIN_FOR_EACH_TABLE(AttentionTileTest);

}  // namespace
}  // namespace levin::kernels
