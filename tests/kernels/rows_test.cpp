// Row-wise kernels of every table against double, and the public row ops.
#include "kernels/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/paged_cache.h"
#include "kernels/tables.h"

namespace levin::kernels {
namespace {

using tensor::Tensor;
using testing::random_heads;
using testing::random_rows;

constexpr int64_t kCounts[] = {1, 3, 8, 15, 16, 17, 64, 129, 576, 1536, 7168};

class RowsTest : public testing::TableTest {};

TEST_P(RowsTest, RmsNormMatchesDouble) {
  for (const int64_t count : kCounts) {
    const Tensor<float, 2> x = random_rows(1, count, 1, 3.0);
    const Tensor<float, 2> w = random_rows(1, count, 2);
    std::vector<float> y(static_cast<size_t>(count + 1), 7.0F);
    table_->rms_norm(x.data(), w.data(), 1e-6F, count, y.data());
    double squares = 0.0;
    for (int64_t i = 0; i < count; ++i) {
      squares += static_cast<double>(x.data()[i]) * x.data()[i];
    }
    const double factor = 1.0 / std::sqrt(squares / static_cast<double>(count) + 1e-6);
    for (int64_t i = 0; i < count; ++i) {
      const double expected = x.data()[i] * factor * w.data()[i];
      ASSERT_NEAR(y[i], expected, 1e-6 * std::fabs(expected) + 1e-9) << count;
    }
    EXPECT_EQ(y[count], 7.0F) << "wrote behind the row";
  }
}

TEST_P(RowsTest, LayerNormMatchesDouble) {
  for (const int64_t count : kCounts) {
    Tensor<float, 2> x = random_rows(1, count, 3);
    for (int64_t i = 0; i < count; ++i) {
      x.data()[i] += 5.0F;
    }
    const Tensor<float, 2> w = random_rows(1, count, 4);
    const Tensor<float, 2> b = random_rows(1, count, 5);
    std::vector<float> y(static_cast<size_t>(count));
    table_->layer_norm(x.data(), w.data(), b.data(), 1e-6F, count, y.data());
    double sum = 0.0;
    double squares = 0.0;
    for (int64_t i = 0; i < count; ++i) {
      sum += x.data()[i];
    }
    const double mean = sum / static_cast<double>(count);
    for (int64_t i = 0; i < count; ++i) {
      squares += (x.data()[i] - mean) * (x.data()[i] - mean);
    }
    const double factor = 1.0 / std::sqrt(squares / static_cast<double>(count) + 1e-6);
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_NEAR(y[i], (x.data()[i] - mean) * factor * w.data()[i] + b.data()[i], 1e-5) << count;
    }
  }
}

TEST_P(RowsTest, SiluMulMatchesDoubleAlsoFarFromZero) {
  for (const int64_t count : kCounts) {
    Tensor<float, 2> gate = random_rows(1, count, 6, 4.0);
    const Tensor<float, 2> up = random_rows(1, count, 7);
    const float special[] = {0.0F, 100.0F, -100.0F, -88.0F, 88.0F, -1e30F, 1e30F};
    std::copy_n(special, std::min<int64_t>(count, 7), gate.data());
    std::vector<float> y(static_cast<size_t>(count));
    table_->silu_mul(gate.data(), up.data(), count, y.data());
    for (int64_t i = 0; i < count; ++i) {
      const double g = gate.data()[i];
      const double expected = g / (1.0 + std::exp(-g)) * up.data()[i];
      ASSERT_NEAR(y[i], expected, 2e-6 * std::fabs(expected) + 1e-30) << "gate " << g;
    }
  }
}

TEST_P(RowsTest, AddScaledAddsTheProduct) {
  for (const int64_t count : kCounts) {
    const Tensor<float, 2> x = random_rows(1, count, 8);
    const Tensor<float, 2> before = random_rows(1, count, 9);
    std::vector<float> y(before.data(), before.data() + count);
    table_->add_scaled(x.data(), -0.75F, count, y.data());
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_NEAR(y[i], before.data()[i] - 0.75 * x.data()[i], 1e-6);
    }
    table_->add_scaled(x.data(), 0.0F, 0, nullptr);
  }
}

TEST_P(RowsTest, ConvertsToBf16BitForBit) {
  std::vector<float> in = {0.0F,
                           -0.0F,
                           1.0F,
                           1.00390625F,  // halfway, even below
                           1.01171875F,  // halfway, even above
                           3.4e38F,
                           -3.4e38F,
                           1e-40F,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN()};
  for (int i = 0; i < 500; ++i) {
    in.push_back(static_cast<float>(base::random_normal(10, static_cast<uint64_t>(i))));
  }
  for (int64_t count = 1; count <= std::ssize(in); count += count < 40 ? 1 : 67) {
    std::vector<Bf16> out(static_cast<size_t>(count + 1), Bf16{0x1234});
    table_->f32_to_bf16(in.data(), out.data(), count);
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(out[i].bits, base::to_bf16(in[i]).bits) << in[i];
    }
    EXPECT_EQ(out[count].bits, 0x1234) << "wrote behind the row";
  }
}

/// 32 pairs is the real shape.
TEST_P(RowsTest, RotatesBitForBitLikeRef) {
  for (const int64_t pairs : {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64}) {
    const Tensor<float, 2> x = random_rows(1, 2 * pairs, 13);
    const Tensor<float, 2> angles = random_rows(2, pairs, 14);
    for (const auto rotate : {&OpTable::rotate_pairs, &OpTable::rotate_halves}) {
      std::vector<float> got(x.data(), x.data() + 2 * pairs);
      got.push_back(7.0F);
      std::vector<float> want = got;
      (table_->*rotate)(got.data(), angles.view().row(0), angles.view().row(1), pairs);
      (ref::table().*rotate)(want.data(), angles.view().row(0), angles.view().row(1), pairs);
      EXPECT_EQ(got, want) << pairs << " pairs; the last number stands behind the row";
    }
  }
}

TEST_P(RowsTest, OpsWorkOnStridedRowsWithAnyThreads) {
  const Tensor<float, 2> wide = random_rows(40, 100, 11);
  const std::vector<float> weight(60, 2.0F);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 3}) {
    base::ThreadPool pool(threads);
    Context ctx(pool, *table_);
    Tensor<float, 2> y({40, 60});
    rms_norm(ctx, wide.view().columns(20, 60), weight, 1e-6F, y.view());
    add(ctx, wide.view().columns(0, 60), y.view());
    silu_mul(ctx, y.view(), wide.view().columns(30, 60), y.view());
    layer_norm(ctx, y.view(), weight, weight, 1e-6F, y.view());
    results.emplace_back(y.data(), y.data() + 40 * 60);
  }
  EXPECT_EQ(results[0], results[1]);
  std::vector<float> first(60);
  table_->rms_norm(wide.view().row(7) + 20, weight.data(), 1e-6F, 60, first.data());
  table_->add_scaled(wide.view().row(7), 1.0F, 60, first.data());
  table_->silu_mul(first.data(), wide.view().row(7) + 30, 60, first.data());
  table_->layer_norm(first.data(), weight.data(), weight.data(), 1e-6F, 60, first.data());
  EXPECT_TRUE(std::equal(first.begin(), first.end(), results[0].begin() + 7 * 60));
}

TEST_P(RowsTest, RopeRotatesPairsByTheTokensAngles) {
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  Tensor<float, 2> cos({3, 4});
  Tensor<float, 2> sin({3, 4});
  for (int64_t i = 0; i < 12; ++i) {
    cos.data()[i] = std::cos(0.3F * static_cast<float>(i));
    sin.data()[i] = std::sin(0.3F * static_cast<float>(i));
  }
  for (const RopeLayout layout : {RopeLayout::kInterleaved, RopeLayout::kHalves}) {
    const Tensor<float, 3> before = random_heads(3, 2, 13, 12);
    Tensor<float, 3> x = random_heads(3, 2, 13, 12);
    apply_rope(ctx, x.view().columns(5, 8), {cos.view(), sin.view()}, layout);
    for (int64_t token = 0; token < 3; ++token) {
      for (int64_t head = 0; head < 2; ++head) {
        const float* old = before.view().row(token, head);
        const float* rotated = x.view().row(token, head);
        EXPECT_TRUE(std::equal(old, old + 5, rotated)) << "columns in front must stay";
        for (int64_t i = 0; i < 4; ++i) {
          const bool interleaved = layout == RopeLayout::kInterleaved;
          const int64_t a = 5 + (interleaved ? 2 * i : i);
          const int64_t b = 5 + (interleaved ? 2 * i + 1 : i + 4);
          const float c = cos.view().row(token)[i];
          const float s = sin.view().row(token)[i];
          EXPECT_NEAR(rotated[a], old[a] * c - old[b] * s, 1e-6);
          EXPECT_NEAR(rotated[b], old[a] * s + old[b] * c, 1e-6);
        }
      }
    }
  }
}

LEVIN_FOR_EACH_TABLE(RowsTest);

}  // namespace
}  // namespace levin::kernels
