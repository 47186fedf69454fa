#include "train/nn/simulated_fp8.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/error.h"

namespace levin::train::nn {
namespace {

constexpr double kLargest = 448.0;
constexpr int kSmallestExponent = -6;  // of a normal number
constexpr int kMantissaBits = 3;

}  // namespace

at::Tensor round_to_e4m3(const at::Tensor& x) {
  const at::Tensor clamped = x.clamp(-kLargest, kLargest);
  // frexp's mantissa lies in [0.5, 1): its exponent is one more than the format's.
  const at::Tensor exponent = (std::get<1>(at::frexp(clamped)) - 1).clamp_min(kSmallestExponent);
  const at::Tensor step = at::ldexp(at::ones({}, x.options()), exponent - kMantissaBits);
  return at::round(clamped / step) * step;
}

at::Tensor act_quant(const at::Tensor& x, int64_t group_size, bool is_ue8m0) {
  if (x.size(-1) % group_size != 0) {
    base::throw_error(base::ErrorCode::kInvalidArgument, "",
                      "{} features cannot be quantised to FP8 in groups of {}", x.size(-1),
                      group_size);
  }
  const at::Tensor groups = x.to(at::kFloat).unflatten(-1, {-1, group_size});
  at::Tensor scale = groups.abs()
                         .amax(-1, /*keepdim=*/true)
                         .clamp_min(1e-4)
                         .mul(1.0F / static_cast<float>(kLargest));
  if (is_ue8m0) {
    const auto [mantissa, exponent] = at::frexp(scale);
    const at::Tensor up = exponent - (mantissa == 0.5).to(exponent.scalar_type());
    scale = at::ldexp(at::ones({}, scale.options()), up);
  }
  return (round_to_e4m3(groups / scale) * scale).flatten(-2).to(x.scalar_type());
}

at::Tensor hadamard(const at::Tensor& x) {
  const int64_t dim = x.size(-1);
  LEVIN_CHECK(dim > 0 && (dim & (dim - 1)) == 0);
  at::Tensor y = x;
  for (int64_t width = 1; width < dim; width *= 2) {
    const at::Tensor pairs = y.unflatten(-1, {-1, 2, width});
    const at::Tensor low = pairs.select(-2, 0);
    const at::Tensor high = pairs.select(-2, 1);
    y = at::stack({low + high, low - high}, -2).flatten(-3);
  }
  return y / std::sqrt(static_cast<double>(dim));
}

}  // namespace levin::train::nn
