// Where an axis has its marks, and what they say.
#pragma once

#include <string>
#include <vector>

namespace levin::plot {

enum class Scale { kLinear, kLog };

struct Range {
  double min = 0.0;
  double max = 1.0;
};

/// The range in which a chart shows values between `range.min` and `range.max`: never empty, and
/// above zero on a logarithmic axis.
[[nodiscard]] Range padded_range(Range range, Scale scale);

/// Marks inside `range`: multiples of 1, 2 or 5 times a power of ten (linear), or powers of ten,
/// with 2 and 5 times them where the range has few (log). At most about `wanted`.
[[nodiscard]] std::vector<double> tick_values(Range range, Scale scale, int wanted);

/// "0.05", "1500", "12k", "3M", "1e-05": at most four significant digits.
[[nodiscard]] std::string tick_text(double value);

/// Where `value` lies in `range`, 0 to 1.
[[nodiscard]] double axis_position(double value, Range range, Scale scale);

}  // namespace levin::plot
