#include "eval/intervals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

namespace levin::eval {
namespace {

constexpr double kNormal = 1.959963984540054;  // 97.5% quantile

/// 97.5% quantiles of Student's distribution for 1 to 30 degrees of freedom.
constexpr std::array<double, 30> kStudent = {
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010,  2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796,  2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423};

double student_quantile(size_t degrees) {
  if (degrees <= kStudent.size()) {
    return kStudent[degrees - 1];
  }
  // Two terms of Cornish and Fisher's expansion, off by less than 1e-4 beyond 30.
  const double z = kNormal;
  const double z3 = z * z * z;
  const auto n = static_cast<double>(degrees);
  return z + (z3 + z) / (4.0 * n) + (5.0 * z3 * z * z + 16.0 * z3 + 3.0 * z) / (96.0 * n * n);
}

/// Correlation of the pairs as method 10 takes it: a positive one is drawn towards 0 by half an
/// independent pair, which is half of `effect` counted ones.
double correlation(const PairedCounts& counts, double effect) {
  const auto a = static_cast<double>(counts.both);
  const auto b = static_cast<double>(counts.first_only);
  const auto c = static_cast<double>(counts.second_only);
  const auto d = static_cast<double>(counts.neither);
  const double margins = (a + b) * (c + d) * (a + c) * (b + d);
  if (margins == 0.0) {
    return 0.0;
  }
  double product = a * d - b * c;
  if (product > 0.0) {
    product = std::max(product - effect * static_cast<double>(counts.total()) / 2.0, 0.0);
  }
  return product / std::sqrt(margins);
}

}  // namespace

Estimate wilson(int64_t right, int64_t total, double effect) {
  if (total == 0) {
    return {0.0, 0.0, 1.0};
  }
  const double n = static_cast<double>(total) / effect;
  const double share = static_cast<double>(right) / static_cast<double>(total);
  const double z2 = kNormal * kNormal;
  const double center = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
  const double half =
      kNormal * std::sqrt(share * (1.0 - share) / n + z2 / (4.0 * n * n)) / (1.0 + z2 / n);
  // The ends are 0 and 1 exactly where none or all are right, whatever the rounding.
  return {share, right == 0 ? 0.0 : center - half, right == total ? 1.0 : center + half};
}

void PairedCounts::add(bool is_first_right, bool is_second_right) noexcept {
  if (is_first_right) {
    ++(is_second_right ? both : first_only);
  } else {
    ++(is_second_right ? second_only : neither);
  }
}

Estimate paired_difference(const PairedCounts& counts, double effect) {
  const int64_t total = counts.total();
  if (total == 0) {
    return {0.0, -1.0, 1.0};
  }
  const Estimate first = wilson(counts.both + counts.first_only, total, effect);
  const Estimate second = wilson(counts.both + counts.second_only, total, effect);
  const double phi = correlation(counts, effect);
  const auto reach = [phi](double x, double y) {
    return std::sqrt(std::max(x * x - 2.0 * phi * x * y + y * y, 0.0));
  };
  const double difference = first.value - second.value;
  return {difference, difference - reach(first.value - first.low, second.high - second.value),
          difference + reach(first.high - first.value, second.value - second.low)};
}

double design_effect(std::span<const std::vector<double>> documents) {
  double sum = 0.0;
  double squares = 0.0;
  double count = 0.0;
  for (const std::vector<double>& document : documents) {
    for (const double value : document) {
      sum += value;
      squares += value * value;
    }
    count += static_cast<double>(document.size());
  }
  if (documents.size() < 2 || count == 0.0) {
    return 1.0;
  }
  const double mean = sum / count;
  const double independent = squares / count - mean * mean;  // times 1 / count
  double between = 0.0;
  for (const std::vector<double>& document : documents) {
    const double above = std::accumulate(document.begin(), document.end(), 0.0) -
                         mean * static_cast<double>(document.size());
    between += above * above;
  }
  const auto clusters = static_cast<double>(documents.size());
  between *= clusters / (clusters - 1.0) / count;  // times 1 / count
  constexpr double kNothing = 1e-12;
  return independent < kNothing ? 1.0 : std::max(1.0, between / independent);
}

Estimate mean_of(std::span<const double> samples) {
  if (samples.empty()) {
    return {};
  }
  const auto count = static_cast<double>(samples.size());
  const double mean = std::accumulate(samples.begin(), samples.end(), 0.0) / count;
  if (samples.size() == 1) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return {mean, -kInfinity, kInfinity};
  }
  double squares = 0.0;
  for (const double sample : samples) {
    squares += (sample - mean) * (sample - mean);
  }
  const double half =
      student_quantile(samples.size() - 1) * std::sqrt(squares / (count - 1.0) / count);
  return {mean, mean - half, mean + half};
}

}  // namespace levin::eval
