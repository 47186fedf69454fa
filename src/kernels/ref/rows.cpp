// Row-wise functions: the definition. Sums run in double, so that ref is the oracle of the others.
#include <cmath>

#include "kernels/ref/functions.h"

namespace levin::kernels::ref {
namespace {

/// a + ib turns by the angle: (a cos - b sin) + i (a sin + b cos).
void rotate(float& first, float& second, float cos, float sin) {
  const float a = first;
  const float b = second;
  first = a * cos - b * sin;
  second = a * sin + b * cos;
}

}  // namespace

void f32_to_bf16(const float* in, Bf16* out, int64_t count) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    out[i] = base::to_bf16(in[i]);
  }
}

void rms_norm(const float* x, const float* w, float eps, int64_t count, float* y) noexcept {
  double squares = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    squares += static_cast<double>(x[i]) * x[i];
  }
  const double mean = squares / static_cast<double>(count);
  const auto factor = static_cast<float>(1.0 / std::sqrt(mean + eps));
  for (int64_t i = 0; i < count; ++i) {
    y[i] = x[i] * factor * w[i];
  }
}

void layer_norm(const float* x, const float* w, const float* b, float eps, int64_t count,
                float* y) noexcept {
  double sum = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    sum += x[i];
  }
  const auto mean = static_cast<float>(sum / static_cast<double>(count));
  double squares = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    const double centred = x[i] - mean;
    squares += centred * centred;
  }
  const double variance = squares / static_cast<double>(count);
  const auto factor = static_cast<float>(1.0 / std::sqrt(variance + eps));
  for (int64_t i = 0; i < count; ++i) {
    y[i] = (x[i] - mean) * factor * w[i] + b[i];
  }
}

void silu_mul(const float* gate, const float* up, int64_t count, float* y) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    y[i] = gate[i] / (1.0F + std::exp(-gate[i])) * up[i];
  }
}

void add_scaled(const float* x, float factor, int64_t count, float* y) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    y[i] += factor * x[i];
  }
}

void rotate_pairs(float* x, const float* cos, const float* sin, int64_t pairs) noexcept {
  for (int64_t i = 0; i < pairs; ++i) {
    rotate(x[2 * i], x[2 * i + 1], cos[i], sin[i]);
  }
}

void rotate_halves(float* x, const float* cos, const float* sin, int64_t pairs) noexcept {
  for (int64_t i = 0; i < pairs; ++i) {
    rotate(x[i], x[i + pairs], cos[i], sin[i]);
  }
}

}  // namespace levin::kernels::ref
