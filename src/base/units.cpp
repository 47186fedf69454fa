#include "base/units.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace levin::base {

std::string format_bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024.0 && unit + 1 < std::size(kUnits); ++unit) {
    value /= 1024.0;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 || value >= 100.0 ? 0 : 1, kUnits[unit]);
}

std::string format_duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole >= 3600) {
    return fmt::format("{}h {}m", whole / 3600, whole % 3600 / 60);
  }
  return whole >= 60 ? fmt::format("{}m {}s", whole / 60, whole % 60) : fmt::format("{}s", whole);
}

}  // namespace levin::base
