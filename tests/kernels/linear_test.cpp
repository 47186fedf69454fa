// linear, linear_precise, linear_batch and linear_reference against exact products.
#include "kernels/linear.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernels/tables.h"
#include "kernels/weights.h"

namespace levin::kernels {
namespace {

using testing::ExactDot;
using testing::kAllFormats;
using testing::OwnedWeights;
using testing::WeightFormat;
using testing::WeightMatrix;

/// Activations [m, cols] within rows of `stride` numbers.
struct Activations {
  Activations(int64_t m_in, int64_t cols_in, int64_t stride_in, uint64_t seed)
      : m(m_in),
        cols(cols_in),
        stride(stride_in),
        values(testing::random_floats(m * stride, seed)) {}

  [[nodiscard]] TensorView<const float, 2> view() const {
    return {values.data(), {m, cols}, {stride, 1}};
  }

  int64_t m, cols, stride;
  std::vector<float> values;
};

std::vector<float> run_linear(const OpTable& table, int threads, TensorView<const float, 2> x,
                              const WeightMatrix& w) {
  base::ThreadPool pool(threads);
  Context ctx(pool, table);
  std::vector<float> y(static_cast<size_t>(x.extent(0) * w.rows), NAN);
  linear(ctx, x, w, {y.data(), {x.extent(0), w.rows}});
  return y;
}

class Linear : public testing::TableTest {};
LEVIN_FOR_EACH_TABLE(Linear);

TEST_P(Linear, RoundsTheActivationsToBf16) {
  const Activations x(5, 300, 311, 1);
  for (const WeightFormat format : kAllFormats) {
    const OwnedWeights w(format, 150, 300, 2);
    const std::vector<float> y = run_linear(*table_, 2, x.view(), w.matrix());
    for (int64_t i = 0; i < x.m; ++i) {
      std::vector<base::Bf16> rounded;
      for (int64_t k = 0; k < x.cols; ++k) {
        rounded.push_back(base::to_bf16(x.view().row(i)[k]));
      }
      for (int64_t row = 0; row < 150; ++row) {
        const ExactDot exact =
            testing::exact_dot(rounded.data(), testing::bf16_row(w.matrix(), row));
        ASSERT_NEAR(y[static_cast<size_t>(i * 150 + row)], exact.value, exact.bound)
            << format_name(format) << " row " << row << ", token " << i;
      }
    }
  }
}

TEST_P(Linear, GivesATokenTheSameBitsAloneInAChunkAndOnAnyNumberOfThreads) {
  const Activations x(70, 1030, 1030, 3);
  for (const WeightFormat format : {WeightFormat::kBf16, WeightFormat::kFp8Block}) {
    const OwnedWeights w(format, 300, 1030, 4);
    const std::vector<float> chunk = run_linear(*table_, 1, x.view(), w.matrix());
    EXPECT_EQ(run_linear(*table_, 2, x.view(), w.matrix()), chunk);
    EXPECT_EQ(run_linear(*table_, 3, x.view(), w.matrix()), chunk);
    for (const int64_t token : {0, 1, 42, 69}) {
      const std::vector<float> alone = run_linear(*table_, 2, x.view().rows(token, 1), w.matrix());
      EXPECT_THAT(alone, ::testing::ElementsAreArray(chunk.data() + token * 300, 300));
    }
  }
}

TEST_P(Linear, SplitsTheTokensOfANarrowMatrixWithoutChangingABit) {
  const Activations x(700, 64, 64, 5);
  const OwnedWeights w(WeightFormat::kBf16, 8, 64, 6);
  const std::vector<float> chunk = run_linear(*table_, 2, x.view(), w.matrix());
  for (const int64_t token : {0, 47, 48, 350, 699}) {
    const std::vector<float> alone = run_linear(*table_, 2, x.view().rows(token, 1), w.matrix());
    EXPECT_THAT(alone, ::testing::ElementsAreArray(chunk.data() + token * 8, 8));
  }
}

TEST_P(Linear, BatchEqualsTheProductsOneByOne) {
  struct Task {
    int64_t m, rows, cols;
    WeightFormat format;
  };
  const Task shapes[] = {
      {1, 129, 96, WeightFormat::kFp8Block},    {0, 40, 96, WeightFormat::kBf16},
      {130, 70, 33, WeightFormat::kBf16},       {6, 1, 700, WeightFormat::kInt8Group},
      {300, 200, 256, WeightFormat::kFp8Block}, {3, 512, 128, WeightFormat::kF32}};
  std::vector<OwnedWeights> weights;
  std::vector<Activations> inputs;
  std::vector<std::vector<float>> outputs;
  for (const Task& shape : shapes) {
    weights.emplace_back(shape.format, shape.rows, shape.cols, 7);
    inputs.emplace_back(shape.m, shape.cols, shape.cols + 5, 8);
    outputs.emplace_back(static_cast<size_t>(shape.m * shape.rows), NAN);
  }
  std::vector<LinearTask> tasks;
  for (size_t i = 0; i < weights.size(); ++i) {
    tasks.push_back({inputs[i].view(),
                     weights[i].matrix(),
                     {outputs[i].data(), {shapes[i].m, shapes[i].rows}}});
  }
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  linear_batch(ctx, tasks);
  for (size_t i = 0; i < weights.size(); ++i) {
    EXPECT_EQ(outputs[i], run_linear(*table_, 1, inputs[i].view(), weights[i].matrix()))
        << "task " << i;
  }
}

TEST_P(Linear, BatchTasksMayShareTheirInput) {
  const Activations x(9, 200, 200, 9);
  const Activations other(9, 200, 200, 10);
  const OwnedWeights gate(WeightFormat::kBf16, 60, 200, 11);
  const OwnedWeights up(WeightFormat::kFp8Block, 70, 200, 12);
  std::vector<std::vector<float>> y(3, std::vector<float>(9 * 70));
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  const LinearTask tasks[] = {{x.view(), gate.matrix(), {y[0].data(), {9, 60}, {70, 1}}},
                              {x.view(), up.matrix(), {y[1].data(), {9, 70}}},
                              {other.view(), up.matrix(), {y[2].data(), {9, 70}}}};
  linear_batch(ctx, tasks);
  const std::vector<float> gate_alone = run_linear(*table_, 1, x.view(), gate.matrix());
  for (int64_t i = 0; i < 9; ++i) {
    EXPECT_THAT(std::vector<float>(y[0].data() + i * 70, y[0].data() + i * 70 + 60),
                ::testing::ElementsAreArray(gate_alone.data() + i * 60, 60));
  }
  EXPECT_EQ(y[1], run_linear(*table_, 1, x.view(), up.matrix()));
  EXPECT_EQ(y[2], run_linear(*table_, 1, other.view(), up.matrix()));
}

TEST_P(Linear, EmptyBatchDoesNothing) {
  base::ThreadPool pool(2);
  Context ctx(pool, *table_);
  EXPECT_NO_THROW(linear_batch(ctx, {}));
}

TEST_P(Linear, PreciseKeepsSixteenBitsOfTheActivations) {
  const Activations x(131, 500, 507, 13);
  for (const WeightFormat format : {WeightFormat::kBf16, WeightFormat::kF32}) {
    const OwnedWeights w(format, 50, 500, 14);
    base::ThreadPool pool(2);
    Context ctx(pool, *table_);
    std::vector<float> y(static_cast<size_t>(x.m * 50), NAN);
    linear_precise(ctx, x.view(), w.matrix(), {y.data(), {x.m, 50}});
    for (int64_t i = 0; i < x.m; ++i) {
      for (int64_t row = 0; row < 50; ++row) {
        const std::vector<float> weights = testing::bf16_row(w.matrix(), row);
        const ExactDot exact = testing::exact_dot(x.view().row(i), weights);
        double magnitude = 0.0;
        for (int64_t k = 0; k < x.cols; ++k) {
          magnitude += std::fabs(x.view().row(i)[k] * weights[static_cast<size_t>(k)]);
        }
        // What two bf16 terms leave of a float32: half a unit in the 17th bit.
        ASSERT_NEAR(y[static_cast<size_t>(i * 50 + row)], exact.value,
                    2 * exact.bound + magnitude * 0x1p-17)
            << format_name(format) << " row " << row << ", token " << i;
      }
    }
    std::vector<float> alone(50);
    linear_precise(ctx, x.view().rows(77, 1), w.matrix(), {alone.data(), {1, 50}});
    EXPECT_THAT(alone, ::testing::ElementsAreArray(y.data() + 77 * 50, 50));
  }
}

TEST(LinearShapes, AMismatchIsAnInternalError) {
  const Activations x(2, 30, 30, 15);
  const OwnedWeights w(WeightFormat::kBf16, 10, 31, 16);
  std::vector<float> y(20);
  base::ThreadPool pool(1);
  Context ctx(pool, select_table());
  try {
    linear(ctx, x.view(), w.matrix(), {y.data(), {2, 10}});
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kInternal);
    EXPECT_STREQ(error.what(), "linear: x [2, 30] times a weight [10, 31] cannot give y [2, 10]");
  }
}

class LinearReference : public ::testing::Test {
 protected:
  std::vector<float> run(const Activations& x, const WeightMatrix& w, bool power_of_two_scale) {
    std::vector<float> y(static_cast<size_t>(x.m * w.rows), NAN);
    linear_reference(
        ctx_, x.view(), w,
        power_of_two_scale ? ActivationRounding::kE4m3PowerOfTwo : ActivationRounding::kE4m3,
        {y.data(), {x.m, w.rows}});
    return y;
  }

  base::ThreadPool pool_{2};
  Context ctx_{pool_, select_table()};
};

TEST_F(LinearReference, TakesFloat32ActivationsUnroundedForOtherFormats) {
  const Activations x(3, 333, 340, 17);
  for (const WeightFormat format : {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kF16}) {
    const OwnedWeights w(format, 21, 333, 18);
    const std::vector<float> y = run(x, w.matrix(), false);
    for (int64_t i = 0; i < x.m; ++i) {
      for (int64_t row = 0; row < 21; ++row) {
        std::vector<float> weights(333);
        tensor::decode_row(w.matrix(), row, weights.data());
        const ExactDot exact = testing::exact_dot(x.view().row(i), weights);
        ASSERT_NEAR(y[static_cast<size_t>(i * 21 + row)], exact.value, exact.bound);
      }
    }
  }
}

TEST_F(LinearReference, QuantisesTheActivationsOfAnFp8MatrixInGroupsOf128) {
  const Activations x(4, 384, 384, 19);
  const OwnedWeights w(WeightFormat::kFp8Block, 260, 384, 20);
  for (const bool power_of_two_scale : {false, true}) {
    const std::vector<float> y = run(x, w.matrix(), power_of_two_scale);
    for (int64_t i = 0; i < x.m; ++i) {
      std::vector<float> quantised(384);
      for (int64_t begin = 0; begin < 384; begin += 128) {
        float amax = 0.0F;
        for (int64_t k = begin; k < begin + 128; ++k) {
          amax = std::max(amax, std::fabs(x.view().row(i)[k]));
        }
        const float scale = base::act_quant_scale(amax, power_of_two_scale);
        for (int64_t k = begin; k < begin + 128; ++k) {
          quantised[static_cast<size_t>(k)] =
              base::to_f32(base::to_e4m3(x.view().row(i)[k] / scale)) * scale;
        }
      }
      for (int64_t row = 0; row < 260; ++row) {
        std::vector<float> weights(384);
        tensor::decode_row(w.matrix(), row, weights.data());
        const ExactDot exact = testing::exact_dot(quantised.data(), weights);
        ASSERT_NEAR(y[static_cast<size_t>(i * 260 + row)], exact.value, exact.bound)
            << "row " << row << ", token " << i;
      }
    }
  }
}

TEST_F(LinearReference, FindsTheBlockScalesOfSlices) {
  const Activations x(2, 128, 128, 21);
  const OwnedWeights w(WeightFormat::kFp8Block, 260, 128, 22);
  const std::vector<float> whole = run(x, w.matrix(), false);
  const std::vector<float> part = run(x, w.matrix().slice_rows(100, 60), false);
  for (size_t row = 0; row < 60; ++row) {
    EXPECT_EQ(part[row], whole[100 + row]);
    EXPECT_EQ(part[60 + row], whole[260 + 100 + row]);
  }
}

TEST_F(LinearReference, RefusesAnFp8MatrixWhoseInputHasNoWholeGroups) {
  const Activations x(1, 192, 192, 23);
  const OwnedWeights w(WeightFormat::kFp8Block, 4, 192, 24);
  try {
    run(x, w.matrix(), false);
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.code(), base::ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("192 columns"));
  }
}

}  // namespace
}  // namespace levin::kernels
