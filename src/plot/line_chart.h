// A chart of one or more lines, as SVG.
#pragma once

#include <string>
#include <vector>

#include "plot/ticks.h"

namespace levin::plot {

struct Axis {
  std::string label;
  std::string unit;  ///< in brackets behind the label; may be empty
  Scale scale = Scale::kLinear;
};

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct Series {
  std::string name;
  std::vector<Point> points;  ///< x ascending
};

struct LineChart {
  std::string title;
  Axis x;
  Axis y;
  std::vector<Series> series;
};

/// A self-contained SVG document of 720 x 400 px that follows the reader's light or dark scheme.
/// Points that are not finite, or not above zero on a logarithmic axis, break their line. More
/// points than pixels are averaged per pixel. A chart without points says so.
[[nodiscard]] std::string line_chart_svg(const LineChart& chart);

}  // namespace levin::plot
