// Source: model.md 1.6; DeepSeek-V3.2-Exp inference/kernel.py, act_quant and fp8_gemm.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/integers.h"
#include "kernels/linear.h"
#include "kernels/linear_checks.h"
#include "kernels/workspace.h"

namespace levin::kernels {
namespace {

using tensor::kFp8BlockSize;
using tensor::WeightFormat;

constexpr int64_t kTaskRows = 8;

/// Dot product; element k goes to partial sum k mod 16, so that the compiler can use vectors.
float dot(const float* a, const float* b, int64_t count) {
  constexpr int64_t kLanes = 16;
  float lanes[kLanes] = {};
  int64_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += a[k + lane] * b[k + lane];
    }
  }
  for (int64_t lane = 0; lane < count % kLanes; ++lane) {
    lanes[lane] += a[k + lane] * b[k + lane];
  }
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) {
      lanes[lane] += lanes[lane + half];
    }
  }
  return lanes[0];
}

/// Activations after act_quant: values of the E4M3 codes and one scale per 128 columns.
struct QuantizedRows {
  float* values = nullptr;  // [m, cols]
  float* scales = nullptr;  // [m, cols / 128]

  static QuantizedRows cut(WorkspaceCutter& cutter, int64_t m, int64_t cols) {
    return {.values = cutter.take<float>(m * cols),
            .scales = cutter.take<float>(m * cols / kFp8BlockSize)};
  }
};

void quantize_row(const float* x, int64_t cols, bool power_of_two_scale, float* values,
                  float* scales) {
  for (int64_t begin = 0; begin < cols; begin += kFp8BlockSize) {
    float amax = 0.0F;
    for (int64_t k = begin; k < begin + kFp8BlockSize; ++k) {
      amax = std::max(amax, std::fabs(x[k]));
    }
    const float scale = base::act_quant_scale(amax, power_of_two_scale);
    for (int64_t k = begin; k < begin + kFp8BlockSize; ++k) {
      values[k] = base::to_f32(base::to_e4m3(x[k] / scale));
    }
    scales[begin / kFp8BlockSize] = scale;
  }
}

/// Calls body(row, thread_idx) for every weight row, on all threads.
template <typename Body>
void for_each_row(Context& ctx, int64_t rows, Body body) {
  ctx.pool().parallel_for(base::ceil_div(rows, kTaskRows), [&](int64_t task_idx, int thread_idx) {
    const int64_t end = std::min((task_idx + 1) * kTaskRows, rows);
    for (int64_t row = task_idx * kTaskRows; row < end; ++row) {
      body(row, reinterpret_cast<float*>(ctx.scratch(thread_idx)));
    }
  });
}

void multiply_f32(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
                  TensorView<float, 2> y) {
  for_each_row(ctx, w.rows, [&](int64_t row, float* weights) {
    tensor::decode_row(w, row, weights);
    for (int64_t i = 0; i < x.extent(0); ++i) {
      y.row(i)[row] = dot(x.row(i), weights, w.cols);
    }
  });
}

void multiply_fp8(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
                  bool power_of_two_scale, TensorView<float, 2> y) {
  const int64_t m = x.extent(0);
  const int64_t blocks = w.cols / kFp8BlockSize;
  WorkspaceCutter size;
  QuantizedRows::cut(size, m, w.cols);
  WorkspaceCutter cutter(ctx.workspace(size.used_bytes()));
  const QuantizedRows quantized = QuantizedRows::cut(cutter, m, w.cols);
  ctx.pool().parallel_for(m, [&](int64_t i, int /*thread_idx*/) {
    quantize_row(x.row(i), w.cols, power_of_two_scale, quantized.values + i * w.cols,
                 quantized.scales + i * blocks);
  });
  for_each_row(ctx, w.rows, [&](int64_t row, float* weights) {
    const std::byte* codes = w.data + row * w.cols;
    for (int64_t k = 0; k < w.cols; ++k) {
      weights[k] = base::kE4m3Values[static_cast<uint8_t>(codes[k])];
    }
    const std::byte* scales =
        w.block_scales + (w.first_row + row) / kFp8BlockSize * w.scale_cols * sizeof(float);
    for (int64_t i = 0; i < m; ++i) {
      const float* values = quantized.values + i * w.cols;
      float sum = 0.0F;
      for (int64_t block = 0; block < blocks; ++block) {
        float w_scale;
        std::memcpy(&w_scale, scales + block * sizeof(float), sizeof w_scale);
        const int64_t begin = block * kFp8BlockSize;
        sum += dot(values + begin, weights + begin, kFp8BlockSize) *
               (quantized.scales[i * blocks + block] * w_scale);
      }
      y.row(i)[row] = sum;
    }
  });
}

}  // namespace

void linear_reference(Context& ctx, TensorView<const float, 2> x, const WeightMatrix& w,
                      ActivationRounding rounding, TensorView<float, 2> y) {
  check_linear_shapes("linear_reference", x, w, y);
  LEVIN_CHECK(w.cols <= kMaxLinearInputs);
  if (w.format != WeightFormat::kFp8Block || rounding == ActivationRounding::kNone) {
    multiply_f32(ctx, x, w, y);
    return;
  }
  if (w.cols % kFp8BlockSize != 0) {
    base::throw_error(base::ErrorCode::kUnsupported, "linear_reference",
                      "an FP8 weight has {} columns; its input is quantised in groups of 128, so "
                      "reference numerics need a multiple of 128; use --numerics fast",
                      w.cols);
  }
  multiply_fp8(ctx, x, w, rounding == ActivationRounding::kE4m3PowerOfTwo, y);
}

}  // namespace levin::kernels
