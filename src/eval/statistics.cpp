#include "eval/statistics.h"

#include <algorithm>
#include <vector>

namespace levin::eval {

Spread spread_of(std::span<const double> samples) {
  if (samples.empty()) {
    return {};
  }
  std::vector<double> sorted(samples.begin(), samples.end());
  std::ranges::sort(sorted);
  const size_t middle = sorted.size() / 2;
  const double median =
      sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
  return {median, sorted.front(), sorted.back()};
}

}  // namespace levin::eval
