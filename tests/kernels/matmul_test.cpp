// The matmul of every table this CPU has, against the definition in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/tables.h"
#include "kernels/weights.h"

namespace levin::kernels {
namespace {

using base::Bf16;
using testing::ExactDot;
using testing::kAllFormats;
using testing::OwnedWeights;
using testing::Scratch;
using testing::WeightFormat;
using testing::WeightMatrix;

/// Results [m, w.rows] of one call.
std::vector<float> multiply(const OpTable& table, const WeightMatrix& w, const Bf16* a,
                            int64_t a_stride, int64_t m) {
  Scratch scratch;
  std::vector<float> c(static_cast<size_t>(m * w.rows), std::numeric_limits<float>::quiet_NaN());
  table.matmul(w, a, a_stride, m, c.data(), w.rows, scratch.data());
  return c;
}

void expect_near_exact(const WeightMatrix& w, const std::vector<Bf16>& a, int64_t m,
                       const std::vector<float>& c) {
  for (int64_t row = 0; row < w.rows; ++row) {
    const std::vector<float> weights = testing::bf16_row(w, row);
    for (int64_t i = 0; i < m; ++i) {
      const ExactDot exact = testing::exact_dot(a.data() + i * w.cols, weights);
      ASSERT_NEAR(c[static_cast<size_t>(i * w.rows + row)], exact.value, exact.bound)
          << format_name(w.format) << " row " << row << " of " << w.rows << ", m " << i << " of "
          << m << ", k " << w.cols;
    }
  }
}

class Matmul : public testing::TableTest {};
LEVIN_FOR_EACH_TABLE(Matmul);

TEST_P(Matmul, IsNearTheExactProductForEveryFormatAndShape) {
  struct Shape {
    int64_t m, rows, cols;
  };
  const Shape shapes[] = {{1, 1, 1},    {1, 3, 31},   {2, 17, 33},  {3, 5, 96},    {4, 17, 127},
                          {1, 129, 64}, {5, 1, 1},    {6, 3, 33},   {7, 129, 127}, {13, 17, 576},
                          {1, 17, 576}, {4, 3, 1536}, {9, 5, 1536}, {2, 9, 2047},  {5, 6, 2049},
                          {1, 8, 4100}, {6, 70, 4100}};
  for (const WeightFormat format : kAllFormats) {
    for (const Shape& shape : shapes) {
      const OwnedWeights w(format, shape.rows, shape.cols, 1);
      const std::vector<Bf16> a = testing::random_bf16(shape.m * shape.cols, 2);
      expect_near_exact(w.matrix(), a, shape.m,
                        multiply(*table_, w.matrix(), a.data(), shape.cols, shape.m));
      if (HasFatalFailure()) {
        return;
      }
    }
  }
}

TEST_P(Matmul, FindsTheBlockScalesOfSlices) {
  for (const WeightFormat format : kAllFormats) {
    const OwnedWeights w(format, 300, 192, 3);
    const std::vector<Bf16> a = testing::random_bf16(7 * 192, 4);
    for (const int64_t m : {1, 2, 4, 7}) {
      const std::vector<float> whole = multiply(*table_, w.matrix(), a.data(), 192, m);
      for (const auto& [begin, count] : {std::pair<int64_t, int64_t>{1, 1},
                                         {5, 200},
                                         {120, 16},
                                         {127, 3},
                                         {128, 128},
                                         {250, 50}}) {
        const WeightMatrix slice = w.matrix().slice_rows(begin, count);
        const std::vector<float> part = multiply(*table_, slice, a.data(), 192, m);
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t row = 0; row < count; ++row) {
            ASSERT_EQ(part[static_cast<size_t>(i * count + row)],
                      whole[static_cast<size_t>(i * 300 + begin + row)])
                << format_name(format) << " slice at " << begin << ", row " << row << ", m " << m;
          }
        }
      }
    }
  }
}

TEST_P(Matmul, GivesARowTheSameBitsWhateverIsComputedWithIt) {
  constexpr int64_t kRows = 37;
  constexpr int64_t kCols = 2300;
  constexpr int64_t kM = 70;
  for (const WeightFormat format : kAllFormats) {
    const OwnedWeights w(format, kRows, kCols, 5);
    const std::vector<Bf16> a = testing::random_bf16(kM * kCols, 6);
    const std::vector<float> all = multiply(*table_, w.matrix(), a.data(), kCols, kM);
    for (const int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 31, 48, 69}) {
      const int64_t first = kM - m;
      const std::vector<float> some =
          multiply(*table_, w.matrix(), a.data() + first * kCols, kCols, m);
      for (int64_t i = 0; i < m * kRows; ++i) {
        ASSERT_EQ(some[static_cast<size_t>(i)], all[static_cast<size_t>(first * kRows + i)])
            << format_name(format) << ", m " << m << ", result " << i;
      }
    }
  }
}

TEST_P(Matmul, MultipliesAllPairsOfE4m3Codes) {
  // Row r holds code r in column 0, the activation is one code: 256 x 256 single products.
  OwnedWeights w(WeightFormat::kFp8Block, 256, 1, 7, 0.0F);
  WeightMatrix matrix = w.matrix();
  const float scales[] = {1.0F, 1.0F};
  matrix.block_scales = reinterpret_cast<const std::byte*>(scales);
  std::vector<Bf16> a;
  for (int code = 0; code < 256; ++code) {
    *w.row(code) = static_cast<std::byte>(code);
    a.push_back(base::to_bf16(base::kE4m3Values[static_cast<size_t>(code)]));
  }
  for (const int64_t m : {1, 256}) {
    for (int64_t first = 0; first < 256; first += m) {
      const std::vector<float> c = multiply(*table_, matrix, a.data() + first, 1, m);
      for (int64_t i = 0; i < m; ++i) {
        for (size_t code = 0; code < 256; ++code) {
          const float want =
              base::kE4m3Values[static_cast<size_t>(first + i)] * base::kE4m3Values[code];
          const float got = c[static_cast<size_t>(i) * 256 + code];
          ASSERT_TRUE(got == want || (std::isnan(got) && std::isnan(want)))
              << "code " << code << " times code " << first + i << ": " << got << ", not " << want;
        }
      }
    }
  }
}

TEST_P(Matmul, TakesFp8BlockScalesOfAnySize) {
  // One column, activation 1: the result is the decoded weight itself. The second block has the
  // scale.
  constexpr float kSmallestNormal = std::numeric_limits<float>::min();
  OwnedWeights w(WeightFormat::kFp8Block, 256, 1, 7, 0.0F);
  WeightMatrix matrix = w.matrix();
  const std::vector<Bf16> ones(3, base::to_bf16(1.0F));
  for (const float scale :
       {0x1p-149F, 0x1.8p-127F, 0x1p-126F, 0x1.fffffep-101F, 0x1p-100F, 0x1.fffffep0F, 0x1p100F,
        0x1.000002p100F, 0x1.fp118F, 0x1.fffffep127F, 0.0F, -0.7F}) {
    const float scales[] = {0.3F, scale};
    matrix.block_scales = reinterpret_cast<const std::byte*>(scales);
    for (const int64_t first_code : {0, 128}) {
      for (int64_t row = 0; row < 256; ++row) {
        *w.row(row) = static_cast<std::byte>(first_code + row);
      }
      for (const int64_t m : {1, 3}) {
        const std::vector<float> c = multiply(*table_, matrix, ones.data(), 1, m);
        for (int64_t row = 0; row < 256; ++row) {
          const float code = base::kE4m3Values[static_cast<size_t>((first_code + row) % 256)];
          const float want = base::to_f32(base::to_bf16(code * scales[row / 128]));
          const float got = c[static_cast<size_t>(row)];
          // Instructions for bf16 take subnormal numbers as zero.
          const bool may_be_zero = std::fabs(want) < kSmallestNormal;
          ASSERT_TRUE(got == want || (may_be_zero && got == 0) ||
                      (std::isnan(got) && std::isnan(want)))
              << code << " times " << scales[row / 128] << ": " << got << ", not " << want;
        }
      }
    }
  }
}

TEST_P(Matmul, RoundsTheScaledWeightOnceToNearestEven) {
  // One column, activation 1: the result is the decoded weight itself.
  const Bf16 one = base::to_bf16(1.0F);
  for (const WeightFormat format : {WeightFormat::kF32, WeightFormat::kF16, WeightFormat::kFp8Block,
                                    WeightFormat::kInt8Group}) {
    for (const float magnitude : {1e-20F, 3e-4F, 1.0F, 777.0F, 1e6F}) {
      const OwnedWeights w(format, 256, 1, 8, magnitude);
      const std::vector<float> c = multiply(*table_, w.matrix(), &one, 1, 1);
      for (int64_t row = 0; row < 256; ++row) {
        ASSERT_EQ(c[static_cast<size_t>(row)], testing::bf16_row(w.matrix(), row)[0])
            << format_name(format) << " row " << row << ", magnitude " << magnitude;
      }
    }
  }
}

TEST_P(Matmul, GivesZeroForZeroRows) {
  for (const WeightFormat format : kAllFormats) {
    OwnedWeights w(format, 9, 300, 9);
    std::fill(w.row(4), w.row(5), std::byte{0});
    const std::vector<Bf16> a = testing::random_bf16(6 * 300, 10);
    for (const int64_t m : {1, 6}) {
      const std::vector<float> c = multiply(*table_, w.matrix(), a.data(), 300, m);
      for (int64_t i = 0; i < m; ++i) {
        EXPECT_EQ(c[static_cast<size_t>(i * 9 + 4)], 0.0F) << format_name(format);
      }
    }
  }
}

TEST_P(Matmul, ReadsAndWritesNothingBesideItsOperands) {
  constexpr int64_t kCols = 97;
  constexpr int64_t kStride = 120;
  constexpr int64_t kRows = 6;
  for (const WeightFormat format : kAllFormats) {
    const OwnedWeights w(format, kRows, kCols, 11);
    for (const int64_t m : {1, 3, 7}) {
      // NaN between the activation rows would spread to the results.
      std::vector<Bf16> a(static_cast<size_t>(m * kStride), Bf16{0x7FC0});
      const std::vector<Bf16> values = testing::random_bf16(m * kCols, 12);
      for (int64_t i = 0; i < m; ++i) {
        std::copy_n(values.data() + i * kCols, kCols, a.data() + i * kStride);
      }
      std::vector<float> c(static_cast<size_t>(m * 10), -5.0F);
      Scratch scratch;
      table_->matmul(w.matrix(), a.data(), kStride, m, c.data(), 10, scratch.data());
      std::vector<float> results;
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t row = 0; row < 10; ++row) {
          if (row < kRows) {
            results.push_back(c[static_cast<size_t>(i * 10 + row)]);
          } else {
            EXPECT_EQ(c[static_cast<size_t>(i * 10 + row)], -5.0F);
          }
        }
      }
      expect_near_exact(w.matrix(), values, m, results);
    }
  }
}

}  // namespace
}  // namespace levin::kernels
