#include "train/nn/rotary.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace levin::train::nn {
namespace {

double mscale_of(double factor, double mscale) {
  return factor > 1.0 ? 0.1 * mscale * std::log(factor) + 1.0 : 1.0;
}

/// The pair that turns `rotations` times over the original context.
double correction_pair(const model::Config& config, double rotations) {
  const auto original = static_cast<double>(config.rope_scaling.original_max_position_embeddings);
  return static_cast<double>(config.qk_rope_head_dim) *
         std::log(original / (2.0 * std::numbers::pi * rotations)) /
         (2.0 * std::log(config.rope_theta));
}

/// A complex number begins at an even place: a part of a row of odd length does not.
bool is_viewable_as_complex(const at::Tensor& pairs) {
  const at::IntArrayRef strides = pairs.strides().slice(0, pairs.dim() - 1);
  return pairs.storage_offset() % 2 == 0 &&
         std::ranges::all_of(strides, [](int64_t stride) { return stride % 2 == 0; });
}

}  // namespace

std::vector<double> rotary_frequencies(const model::Config& config) {
  const auto dim = static_cast<double>(config.qk_rope_head_dim);
  const model::RopeScaling& scaling = config.rope_scaling;
  const double low = std::max(std::floor(correction_pair(config, scaling.beta_fast)), 0.0);
  double high = std::min(std::ceil(correction_pair(config, scaling.beta_slow)), dim - 1.0);
  if (low == high) {
    high += 0.001;
  }
  std::vector<double> frequencies;
  for (int64_t pair = 0; pair < config.qk_rope_head_dim / 2; ++pair) {
    const auto i = static_cast<double>(pair);
    double frequency = std::pow(config.rope_theta, -2.0 * i / dim);
    if (scaling.is_yarn) {
      const double ramp = std::clamp((i - low) / (high - low), 0.0, 1.0);
      frequency *= ramp / scaling.factor + (1.0 - ramp);
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

RotaryTable make_rotary_table(const model::Config& config, const Documents& documents,
                              at::ScalarType dtype) {
  std::vector<at::Tensor> positions;
  for (int64_t document_idx = 0; document_idx < documents.count(); ++document_idx) {
    positions.push_back(
        at::arange(documents.end(document_idx) - documents.begin(document_idx), at::kFloat));
  }
  const at::Tensor frequencies = at::tensor(rotary_frequencies(config), at::kDouble);
  const at::Tensor angles =
      at::outer(at::cat(positions), frequencies.to(at::kFloat)).to(at::kDouble);
  const model::RopeScaling& scaling = config.rope_scaling;
  const double magnitude = scaling.is_yarn ? mscale_of(scaling.factor, scaling.mscale) /
                                                 mscale_of(scaling.factor, scaling.mscale_all_dim)
                                           : 1.0;
  return {(angles.cos() * magnitude).to(dtype), (angles.sin() * magnitude).to(dtype)};
}

at::Tensor rotate_pairs(const at::Tensor& x, const RotaryTable& table) {
  // A pair is a complex number, its rotation a product: one pass forward and one backward.
  at::Tensor pairs = x.unflatten(-1, {-1, 2});
  if (!is_viewable_as_complex(pairs)) {
    pairs = pairs.clone(at::MemoryFormat::Contiguous);
  }
  const at::Tensor numbers = at::view_as_complex(pairs);
  return at::view_as_real(numbers * at::complex(table.cos, table.sin).unsqueeze(1)).flatten(-2);
}

at::Tensor rotate_halves(const at::Tensor& x, const RotaryTable& table) {
  const std::vector<at::Tensor> halves = x.chunk(2, -1);
  const at::Tensor cos = table.cos.unsqueeze(1);
  const at::Tensor sin = table.sin.unsqueeze(1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[0] * sin + halves[1] * cos}, -1);
}

}  // namespace levin::train::nn
