// A weight matrix as it lies in memory, with its scales: one struct, never a loose argument.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/float_formats.h"
#include "base/integers.h"

namespace levin::tensor {

enum class WeightFormat {
  kF32,
  kBf16,
  kF16,
  kFp8Block,   ///< E4M3 codes, float32 scale per 128x128 block (checkpoint.md 2.4)
  kInt8Group,  ///< int8, float16 scale per row and 64 columns (made at load by --weights int8)
};

/// "f32", "bf16", "f16", "fp8" or "int8".
[[nodiscard]] const char* format_name(WeightFormat format) noexcept;

/// Rows and columns of a block of FP8 weights, and numbers of a group of FP8 activations.
inline constexpr int64_t kFp8BlockSize = 128;
inline constexpr int64_t kInt8GroupSize = 64;

/// Non-owning [rows, cols] row-major matrix; rows are contiguous and packed. y = W x has `rows`
/// outputs and `cols` inputs. The data may be unaligned (memory-mapped files).
struct WeightMatrix {
  WeightFormat format = WeightFormat::kBf16;
  int64_t rows = 0;
  int64_t cols = 0;
  const std::byte* data = nullptr;
  /// kFp8Block: [ceil(all rows/128), scale_cols] of the whole tensor. May be unaligned.
  const std::byte* block_scales = nullptr;
  int64_t scale_cols = 0;
  /// kFp8Block: index of row 0 of this view within the tensor, so that slices find their scales.
  int64_t first_row = 0;
  /// kInt8Group: [rows, ceil(cols/64)].
  const base::F16* group_scales = nullptr;

  /// Bytes from one row to the next.
  [[nodiscard]] int64_t row_bytes() const noexcept {
    switch (format) {
      case WeightFormat::kF32:
        return cols * 4;
      case WeightFormat::kBf16:
      case WeightFormat::kF16:
        return cols * 2;
      case WeightFormat::kFp8Block:
      case WeightFormat::kInt8Group:
        return cols;
    }
    return 0;
  }

  /// Bytes that reading the whole matrix once touches, scales included.
  [[nodiscard]] int64_t read_bytes() const noexcept {
    int64_t bytes = rows * row_bytes();
    if (format == WeightFormat::kFp8Block) {
      bytes += base::ceil_div(rows, kFp8BlockSize) * scale_cols * 4;
    } else if (format == WeightFormat::kInt8Group) {
      bytes += rows * base::ceil_div(cols, kInt8GroupSize) * 2;
    }
    return bytes;
  }

  /// View of rows [begin, begin + count).
  [[nodiscard]] WeightMatrix slice_rows(int64_t begin, int64_t count) const noexcept {
    WeightMatrix slice = *this;
    slice.rows = count;
    slice.data += begin * row_bytes();
    slice.first_row += begin;
    if (group_scales != nullptr) {
      slice.group_scales += begin * base::ceil_div(cols, kInt8GroupSize);
    }
    return slice;
  }
};

/// Row `row` of the matrix as float32, scales applied in float32 (no rounding to bf16).
void decode_row(const WeightMatrix& matrix, int64_t row, float* out);

}  // namespace levin::tensor
