#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace levin::model {
namespace {

/// Pair whose wavelength fits `rotations` times into the original context, as a real number.
double correction_dim(double rotations, double dim, double theta, double original_context) {
  return dim * std::log(original_context / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(theta));
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

}  // namespace

std::vector<float> rope_frequencies(const Config& config) {
  const auto dim = static_cast<double>(config.qk_rope_head_dim);
  const RopeScaling& scaling = config.rope_scaling;
  std::vector<float> frequencies(static_cast<size_t>(config.qk_rope_head_dim / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const auto exponent = static_cast<float>(2 * i) / static_cast<float>(dim);
    frequencies[i] = 1.0F / std::pow(static_cast<float>(config.rope_theta), exponent);
  }
  if (!scaling.is_yarn) {
    return frequencies;
  }
  const auto original = static_cast<double>(scaling.original_max_position_embeddings);
  const double low = std::max(
      std::floor(correction_dim(scaling.beta_fast, dim, config.rope_theta, original)), 0.0);
  double high = std::min(
      std::ceil(correction_dim(scaling.beta_slow, dim, config.rope_theta, original)), dim - 1.0);
  if (low == high) {
    high += 0.001;
  }
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const auto ramp = static_cast<float>((static_cast<double>(i) - low) / (high - low));
    const float smooth = 1.0F - std::clamp(ramp, 0.0F, 1.0F);
    frequencies[i] = frequencies[i] / static_cast<float>(scaling.factor) * (1.0F - smooth) +
                     frequencies[i] * smooth;
  }
  return frequencies;
}

float rope_magnitude(const Config& config) {
  const RopeScaling& scaling = config.rope_scaling;
  if (!scaling.is_yarn) {
    return 1.0F;
  }
  return static_cast<float>(yarn_mscale(scaling.factor, scaling.mscale) /
                            yarn_mscale(scaling.factor, scaling.mscale_all_dim));
}

RopeTable::RopeTable(const Config& config)
    : frequencies_(rope_frequencies(config)), magnitude_(rope_magnitude(config)) {}

void RopeTable::set_positions(const std::vector<int64_t>& positions) {
  const auto tokens = static_cast<int64_t>(positions.size());
  const auto pairs = static_cast<int64_t>(frequencies_.size());
  cos_.resize({tokens, pairs});
  sin_.resize({tokens, pairs});
  for (int64_t row = 0; row < tokens; ++row) {
    const auto position = static_cast<float>(positions[static_cast<size_t>(row)]);
    for (int64_t pair = 0; pair < pairs; ++pair) {
      // The float32 product is the official one; its sine and cosine are taken in double.
      const double angle = position * frequencies_[static_cast<size_t>(pair)];
      cos_.view().row(row)[pair] = magnitude_ * static_cast<float>(std::cos(angle));
      sin_.view().row(row)[pair] = magnitude_ * static_cast<float>(std::sin(angle));
    }
  }
}

kernels::RopeAngles RopeTable::angles() const { return {cos_.view(), sin_.view()}; }

}  // namespace levin::model
