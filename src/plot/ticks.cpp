#include "plot/ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace levin::plot {
namespace {

std::vector<double> linear_ticks(Range range, int wanted) {
  const double raw_step = (range.max - range.min) / std::max(1, wanted);
  const double power = std::pow(10.0, std::floor(std::log10(raw_step)));
  double step = 10.0 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw_step * (1.0 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const auto first = static_cast<int64_t>(std::ceil(range.min / step - 1e-9));
  const auto last = static_cast<int64_t>(std::floor(range.max / step + 1e-9));
  for (int64_t idx = first; idx <= last; ++idx) {
    ticks.push_back(static_cast<double>(idx) * step);
  }
  return ticks;
}

std::vector<double> log_ticks(Range range, int wanted) {
  const auto first = static_cast<int>(std::floor(std::log10(range.min)));
  const auto last = static_cast<int>(std::ceil(std::log10(range.max)));
  const int every = std::max(1, (last - first) / std::max(1, wanted));
  std::vector<double> ticks;
  for (int exponent = first; exponent <= last; exponent += every) {
    const double power = std::pow(10.0, exponent);
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * power;
      const bool is_shown = factor == 1.0 || 3 * (last - first) <= wanted;
      if (is_shown && value >= range.min * (1 - 1e-9) && value <= range.max * (1 + 1e-9)) {
        ticks.push_back(value);
      }
    }
  }
  return ticks;
}

}  // namespace

Range padded_range(Range range, Scale scale) {
  if (scale == Scale::kLog) {
    range.min = std::max(range.min, 1e-12);
    range.max = std::max(range.max, range.min);
    if (range.max < range.min * 1.5) {
      return {range.min / 2.0, range.max * 2.0};
    }
    return range;
  }
  if (range.max - range.min <= 1e-12 * std::max(std::abs(range.min), std::abs(range.max))) {
    const double half = range.min == 0.0 ? 1.0 : std::abs(range.min) / 2.0;
    return {range.min - half, range.max + half};
  }
  return range;
}

std::vector<double> tick_values(Range range, Scale scale, int wanted) {
  return scale == Scale::kLog ? log_ticks(range, wanted) : linear_ticks(range, wanted);
}

std::string tick_text(double value) {
  const double magnitude = std::abs(value);
  if (magnitude >= 1e4 && magnitude < 1e13) {
    constexpr std::pair<double, const char*> kUnits[] = {
        {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (const auto& [size, name] : kUnits) {
      if (magnitude >= size) {
        return fmt::format("{:.4g}{}", value / size, name);
      }
    }
  }
  return fmt::format("{:.4g}", value == 0.0 ? 0.0 : value);
}

double axis_position(double value, Range range, Scale scale) {
  if (scale == Scale::kLog) {
    return std::log(std::max(value, range.min) / range.min) / std::log(range.max / range.min);
  }
  return (value - range.min) / (range.max - range.min);
}

}  // namespace levin::plot
