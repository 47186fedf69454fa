// Random weight matrices of every format, for the tests of products.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "base/float_formats.h"
#include "base/random.h"
#include "kernels/op_table.h"
#include "tensor/buffer.h"
#include "tensor/weight_matrix.h"

namespace levin::kernels::testing {

using tensor::WeightFormat;
using tensor::WeightMatrix;

inline constexpr WeightFormat kAllFormats[] = {WeightFormat::kF32, WeightFormat::kBf16,
                                               WeightFormat::kF16, WeightFormat::kFp8Block,
                                               WeightFormat::kInt8Group};

/// A matrix that owns its bytes. They start at an odd address, as a mapped file may have it.
class OwnedWeights {
 public:
  OwnedWeights(WeightFormat format, int64_t rows, int64_t cols, uint64_t seed,
               float magnitude = 1.0F) {
    matrix_ = {.format = format, .rows = rows, .cols = cols};
    bytes_.resize(static_cast<size_t>(rows * matrix_.row_bytes() + kOffset));
    matrix_.data = bytes_.data() + kOffset;
    fill_data(seed, magnitude);
    if (format == WeightFormat::kFp8Block) {
      fill_block_scales(seed, magnitude);
    } else if (format == WeightFormat::kInt8Group) {
      fill_group_scales(seed, magnitude);
    }
  }

  OwnedWeights(OwnedWeights&&) = default;  // the bytes stay where they are
  OwnedWeights& operator=(OwnedWeights&&) = default;
  OwnedWeights(const OwnedWeights&) = delete;
  OwnedWeights& operator=(const OwnedWeights&) = delete;
  ~OwnedWeights() = default;

  [[nodiscard]] const WeightMatrix& matrix() const { return matrix_; }
  [[nodiscard]] std::byte* row(int64_t row) {
    return bytes_.data() + kOffset + row * matrix_.row_bytes();
  }

 private:
  static constexpr int64_t kOffset = 3;

  void fill_data(uint64_t seed, float magnitude) {
    std::byte* out = bytes_.data() + kOffset;
    for (int64_t i = 0; i < matrix_.rows * matrix_.cols; ++i) {
      const auto counter = static_cast<uint64_t>(i);
      const auto value = static_cast<float>(base::random_normal(seed, counter)) * magnitude;
      const auto bits = static_cast<uint8_t>(base::random_bits(seed, counter));
      switch (matrix_.format) {
        case WeightFormat::kF32:
          store(out, i, value);
          break;
        case WeightFormat::kBf16:
          store(out, i, base::to_bf16(value));
          break;
        case WeightFormat::kF16:
          store(out, i, base::to_f16(value));
          break;
        case WeightFormat::kFp8Block:  // every finite code
          store(out, i, static_cast<uint8_t>((bits & 0x7F) == 0x7F ? 0 : bits));
          break;
        case WeightFormat::kInt8Group:
          store(out, i, bits);
          break;
      }
    }
  }

  void fill_block_scales(uint64_t seed, float magnitude) {
    const int64_t scale_rows = (matrix_.rows + 127) / 128;
    matrix_.scale_cols = (matrix_.cols + 127) / 128;
    scales_.resize(static_cast<size_t>(scale_rows * matrix_.scale_cols * 4 + kOffset));
    for (int64_t i = 0; i < scale_rows * matrix_.scale_cols; ++i) {
      const double uniform = base::random_uniform(seed + 1, static_cast<uint64_t>(i));
      store(scales_.data() + kOffset, i, static_cast<float>(0.001 + 0.01 * uniform) * magnitude);
    }
    matrix_.block_scales = scales_.data() + kOffset;
  }

  void fill_group_scales(uint64_t seed, float magnitude) {
    group_scales_.resize(static_cast<size_t>(matrix_.rows * ((matrix_.cols + 63) / 64)));
    for (size_t i = 0; i < group_scales_.size(); ++i) {
      const double uniform = base::random_uniform(seed + 1, i);
      group_scales_[i] = base::to_f16(static_cast<float>(0.001 + 0.01 * uniform) * magnitude);
    }
    matrix_.group_scales = group_scales_.data();
  }

  template <typename T>
  static void store(std::byte* out, int64_t idx, T value) {
    std::memcpy(out + idx * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
  }

  WeightMatrix matrix_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> scales_;
  std::vector<base::F16> group_scales_;
};

inline std::vector<float> random_floats(int64_t count, uint64_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(base::random_normal(seed, i));
  }
  return values;
}

inline std::vector<base::Bf16> random_bf16(int64_t count, uint64_t seed) {
  std::vector<base::Bf16> values;
  for (const float value : random_floats(count, seed)) {
    values.push_back(base::to_bf16(value));
  }
  return values;
}

/// Row `row` as the fast products use it: rounded once to bf16.
inline std::vector<float> bf16_row(const WeightMatrix& w, int64_t row) {
  std::vector<float> values(static_cast<size_t>(w.cols));
  tensor::decode_row(w, row, values.data());
  for (float& value : values) {
    value = base::to_f32(base::to_bf16(value));
  }
  return values;
}

/// A product in double precision and how far a float32 sum of any order may lie from it.
struct ExactDot {
  double value = 0.0;
  double bound = 0.0;
};

/// Both factors are exact in float32, their product too; every addition rounds. With 8 or more
/// lanes a number passes through at most count / 8 + 16 additions, each off by at most 2^-24 of a
/// partial sum, which the sum of magnitudes bounds; twice that leaves room for vdpbf16ps, which
/// may round each product of a pair. Numbers below 2^-126 may be flushed to zero.
template <typename Left, typename Right>
ExactDot exact_dot(const Left* a, const Right* b, int64_t count, double (*left)(Left),
                   double (*right)(Right)) {
  ExactDot result;
  double magnitude = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    const double product = left(a[i]) * right(b[i]);
    result.value += product;
    magnitude += product < 0.0 ? -product : product;
  }
  result.bound = magnitude * static_cast<double>(count / 8 + 16) * 0x1p-23 +
                 static_cast<double>(count) * 0x1p-100;
  return result;
}

inline ExactDot exact_dot(const base::Bf16* a, const std::vector<float>& w) {
  return exact_dot<base::Bf16, float>(
      a, w.data(), static_cast<int64_t>(w.size()),
      [](base::Bf16 value) { return static_cast<double>(base::to_f32(value)); },
      [](float value) { return static_cast<double>(value); });
}

inline ExactDot exact_dot(const float* a, const std::vector<float>& w) {
  return exact_dot<float, float>(
      a, w.data(), static_cast<int64_t>(w.size()),
      [](float value) { return static_cast<double>(value); },
      [](float value) { return static_cast<double>(value); });
}

/// Scratch memory for direct calls of table functions.
class Scratch {
 public:
  Scratch() : buffer_(kThreadScratchBytes) {}
  [[nodiscard]] std::byte* data() { return buffer_.data(); }

 private:
  tensor::Buffer buffer_;
};

}  // namespace levin::kernels::testing
