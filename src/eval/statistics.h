// Summaries of repeated measurements.
#pragma once

#include <span>

namespace levin::eval {

struct Spread {
  double median = 0.0;
  double min = 0.0;
  double max = 0.0;
};

/// Median (of an even number: the mean of the middle two) and extremes; zeros without samples.
[[nodiscard]] Spread spread_of(std::span<const double> samples);

}  // namespace levin::eval
