#include "tensor/weight_matrix.h"

#include <cstring>

#include "base/integers.h"

namespace levin::tensor {
namespace {

/// Unaligned read of element `idx` of an array that may start anywhere.
template <typename T>
T load_at(const std::byte* data, int64_t idx) noexcept {
  T value;
  std::memcpy(&value, data + idx * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

}  // namespace

const char* format_name(WeightFormat format) noexcept {
  switch (format) {
    case WeightFormat::kF32:
      return "f32";
    case WeightFormat::kBf16:
      return "bf16";
    case WeightFormat::kF16:
      return "f16";
    case WeightFormat::kFp8Block:
      return "fp8";
    case WeightFormat::kInt8Group:
      return "int8";
  }
  return "";
}

void decode_row(const WeightMatrix& matrix, int64_t row, float* out) {
  const std::byte* data = matrix.data + row * matrix.row_bytes();
  const int64_t scale_row = (matrix.first_row + row) / kFp8BlockSize * matrix.scale_cols;
  const int64_t group_row = row * base::ceil_div(matrix.cols, kInt8GroupSize);
  for (int64_t col = 0; col < matrix.cols; ++col) {
    switch (matrix.format) {
      case WeightFormat::kF32:
        out[col] = load_at<float>(data, col);
        break;
      case WeightFormat::kBf16:
        out[col] = base::to_f32(load_at<base::Bf16>(data, col));
        break;
      case WeightFormat::kF16:
        out[col] = base::to_f32(load_at<base::F16>(data, col));
        break;
      case WeightFormat::kFp8Block:
        out[col] = base::to_f32(load_at<base::E4m3>(data, col)) *
                   load_at<float>(matrix.block_scales, scale_row + col / kFp8BlockSize);
        break;
      case WeightFormat::kInt8Group:
        out[col] = static_cast<float>(load_at<int8_t>(data, col)) *
                   base::to_f32(matrix.group_scales[group_row + col / kInt8GroupSize]);
        break;
    }
  }
}

}  // namespace levin::tensor
