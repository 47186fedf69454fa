// decode_row is the definition of what a stored weight means, in every format.
#include "tensor/weight_matrix.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/random.h"

namespace levin::tensor {
namespace {

/// Bytes of `values`, starting at an odd address, as they may lie in a mapped file.
template <typename T>
class UnalignedBytes {
 public:
  explicit UnalignedBytes(const std::vector<T>& values) : memory_(values.size() * sizeof(T) + 1) {
    std::memcpy(memory_.data() + 1, values.data(), values.size() * sizeof(T));
  }
  [[nodiscard]] const std::byte* data() const { return memory_.data() + 1; }

 private:
  std::vector<std::byte> memory_;
};

std::vector<float> decode(const WeightMatrix& matrix, int64_t row) {
  std::vector<float> out(static_cast<size_t>(matrix.cols));
  decode_row(matrix, row, out.data());
  return out;
}

TEST(DecodeRowTest, WidensUnalignedFloats) {
  const std::vector<float> values = {1.0F, -2.5F, 0.0F, 3.0F, 0.5F, -8.0F};
  std::vector<base::Bf16> bf16;
  std::vector<base::F16> f16;
  for (const float value : values) {
    bf16.push_back(base::to_bf16(value));
    f16.push_back(base::to_f16(value));
  }
  const UnalignedBytes f32_bytes(values);
  const UnalignedBytes bf16_bytes(bf16);
  const UnalignedBytes f16_bytes(f16);
  const std::vector<float> second_row = {3.0F, 0.5F, -8.0F};
  EXPECT_EQ(
      decode({.format = WeightFormat::kF32, .rows = 2, .cols = 3, .data = f32_bytes.data()}, 1),
      second_row);
  EXPECT_EQ(
      decode({.format = WeightFormat::kBf16, .rows = 2, .cols = 3, .data = bf16_bytes.data()}, 1),
      second_row);
  EXPECT_EQ(
      decode({.format = WeightFormat::kF16, .rows = 2, .cols = 3, .data = f16_bytes.data()}, 1),
      second_row);
}

// 130 x 200 is neither a multiple of 128 rows nor of 128 columns: [2, 2] scales.
struct Fp8Example {
  static constexpr int64_t kRows = 130;
  static constexpr int64_t kCols = 200;
  std::vector<uint8_t> codes;
  std::vector<float> scales = {0.5F, 0.011F, 3.0F, 7e-5F};

  Fp8Example() {
    for (uint64_t i = 0; i < static_cast<uint64_t>(kRows * kCols); ++i) {
      codes.push_back(static_cast<uint8_t>(base::random_bits(1, i) % 0x7F));
    }
  }
  [[nodiscard]] float expected(int64_t row, int64_t col) const {
    const float code = base::kE4m3Values[codes[static_cast<size_t>(row * kCols + col)]];
    return code * scales[static_cast<size_t>(row / 128 * 2 + col / 128)];
  }
};

TEST(DecodeRowTest, Fp8MultipliesByTheScaleOfItsBlockAlsoInEdgeBlocks) {
  const Fp8Example example;
  const UnalignedBytes codes(example.codes);
  const UnalignedBytes scales(example.scales);
  const WeightMatrix matrix{.format = WeightFormat::kFp8Block,
                            .rows = Fp8Example::kRows,
                            .cols = Fp8Example::kCols,
                            .data = codes.data(),
                            .block_scales = scales.data(),
                            .scale_cols = 2};
  for (int64_t row = 0; row < matrix.rows; ++row) {
    const std::vector<float> decoded = decode(matrix, row);
    for (int64_t col = 0; col < matrix.cols; ++col) {
      ASSERT_EQ(decoded[static_cast<size_t>(col)], example.expected(row, col));
    }
  }
}

TEST(DecodeRowTest, SliceOfFp8RowsFindsItsScales) {
  const Fp8Example example;
  const UnalignedBytes codes(example.codes);
  const UnalignedBytes scales(example.scales);
  const WeightMatrix matrix{.format = WeightFormat::kFp8Block,
                            .rows = Fp8Example::kRows,
                            .cols = Fp8Example::kCols,
                            .data = codes.data(),
                            .block_scales = scales.data(),
                            .scale_cols = 2};
  const WeightMatrix slice = matrix.slice_rows(100, 30).slice_rows(27, 3);
  EXPECT_EQ(slice.rows, 3);
  EXPECT_EQ(decode(slice, 2), decode(matrix, 129));
}

TEST(DecodeRowTest, Int8MultipliesByTheScaleOfItsGroup) {
  const std::vector<int8_t> codes(static_cast<size_t>(2 * 70), 3);
  const std::vector<base::F16> scales = {base::to_f16(1.0F), base::to_f16(2.0F), base::to_f16(4.0F),
                                         base::to_f16(8.0F)};
  const WeightMatrix matrix{.format = WeightFormat::kInt8Group,
                            .rows = 2,
                            .cols = 70,
                            .data = reinterpret_cast<const std::byte*>(codes.data()),
                            .group_scales = scales.data()};
  const std::vector<float> row = decode(matrix, 1);
  EXPECT_EQ(row[63], 12.0F);
  EXPECT_EQ(row[64], 24.0F);
  EXPECT_EQ(decode(matrix.slice_rows(1, 1), 0), row);
}

TEST(WeightMatrixTest, ReadBytesCountCodesAndScales) {
  WeightMatrix matrix{.format = WeightFormat::kFp8Block, .rows = 130, .cols = 200, .scale_cols = 2};
  EXPECT_EQ(matrix.read_bytes(), 130 * 200 + 2 * 2 * 4);
  matrix.format = WeightFormat::kInt8Group;
  EXPECT_EQ(matrix.read_bytes(), 130 * 200 + 130 * 4 * 2);
  matrix.format = WeightFormat::kBf16;
  EXPECT_EQ(matrix.read_bytes(), 130 * 200 * 2);
  matrix.format = WeightFormat::kF32;
  EXPECT_EQ(matrix.read_bytes(), 130 * 200 * 4);
}

}  // namespace
}  // namespace levin::tensor
