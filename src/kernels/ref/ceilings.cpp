#include "kernels/ref/functions.h"

namespace levin::kernels::ref {
namespace {

constexpr int64_t kSums = 128;  // independent, so that neither function waits for its own results

}  // namespace

float read_sum(const float* data, int64_t count) noexcept {
  float sums[kSums] = {};
  for (int64_t i = 0; i < count; i += kSums) {
    for (int64_t j = 0; j < kSums; ++j) {
      sums[j] += data[i + j];
    }
  }
  float total = 0.0F;
  for (const float sum : sums) {
    total += sum;
  }
  return total;
}

double dot_rate_work(int64_t steps, float* sink) noexcept {
  float sums[kSums] = {};
  float weights[kSums];
  for (int64_t j = 0; j < kSums; ++j) {
    weights[j] = static_cast<float>(j) * 1e-3F;
  }
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t j = 0; j < kSums; ++j) {
      sums[j] += weights[j] * 0.5F;
    }
  }
  *sink = 0.0F;
  for (const float sum : sums) {
    *sink += sum;
  }
  return 2.0 * static_cast<double>(kSums) * static_cast<double>(steps);
}

}  // namespace levin::kernels::ref
