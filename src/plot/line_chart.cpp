#include "plot/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "plot/svg.h"

namespace levin::plot {
namespace {

constexpr double kWidth = 720.0;
constexpr double kHeight = 400.0;
constexpr double kTickTextWidth = 76.0;
constexpr double kLegendLine = 18.0;
constexpr double kPlotWidth = kWidth - kTickTextWidth - kRight;

// Eight hues that stay apart on white and on black, also for colour-blind readers (Okabe-Ito).
constexpr std::array<const char*, 8> kColors = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                "#e69f00", "#56b4e9", "#8a6bd1", "#7f7f7f"};

bool is_drawable(const LineChart& chart, Point point) {
  const bool fits_x = chart.x.scale == Scale::kLinear || point.x > 0.0;
  const bool fits_y = chart.y.scale == Scale::kLinear || point.y > 0.0;
  return std::isfinite(point.x) && std::isfinite(point.y) && fits_x && fits_y;
}

struct Frame {
  Range x;
  Range y;
  double top = kTop;

  [[nodiscard]] double height() const { return kHeight - kBottom - top; }
};

std::optional<Frame> find_frame(const LineChart& chart) {
  std::optional<Frame> frame;
  for (const Series& series : chart.series) {
    for (const Point point : series.points) {
      if (!is_drawable(chart, point)) {
        continue;
      }
      if (!frame) {
        frame = Frame{{point.x, point.x}, {point.y, point.y}};
      }
      frame->x = {std::min(frame->x.min, point.x), std::max(frame->x.max, point.x)};
      frame->y = {std::min(frame->y.min, point.y), std::max(frame->y.max, point.y)};
    }
  }
  if (frame) {
    frame->x = padded_range(frame->x, chart.x.scale);
    frame->y = padded_range(frame->y, chart.y.scale);
  }
  return frame;
}

double x_pixel(const LineChart& chart, const Frame& frame, double x) {
  return kTickTextWidth + kPlotWidth * axis_position(x, frame.x, chart.x.scale);
}

double y_pixel(const LineChart& chart, const Frame& frame, double y) {
  return kHeight - kBottom - frame.height() * axis_position(y, frame.y, chart.y.scale);
}

std::string draw_axes(const LineChart& chart, const Frame& frame) {
  std::string out;
  for (const double x : tick_values(frame.x, chart.x.scale, 8)) {
    const double at = x_pixel(chart, frame, x);
    out += fmt::format(
        "<line class=\"g\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" "
        "y2=\"{2:.1f}\"/>\n",
        at, frame.top, kHeight - kBottom);
    out += svg_text(at, kHeight - kBottom + 16.0, "middle", "k", tick_text(x));
  }
  for (const double y : tick_values(frame.y, chart.y.scale, 6)) {
    const double at = y_pixel(chart, frame, y);
    out += fmt::format(
        "<line class=\"g\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" "
        "y2=\"{2:.1f}\"/>\n",
        kTickTextWidth, kWidth - kRight, at);
    out += svg_text(kTickTextWidth - 6.0, at + 4.0, "end", "k", tick_text(y));
  }
  out += fmt::format("<path class=\"a\" fill=\"none\" d=\"M{0:.1f} {1:.1f}V{2:.1f}H{3:.1f}\"/>\n",
                     kTickTextWidth, frame.top, kHeight - kBottom, kWidth - kRight);
  return out;
}

/// Path data; one averaged point for all that share a pixel column.
std::string line_path(const LineChart& chart, const Frame& frame, const Series& series) {
  std::string path;
  bool is_pen_down = false;
  for (size_t i = 0; i < series.points.size();) {
    if (!is_drawable(chart, series.points[i])) {
      is_pen_down = false;
      ++i;
      continue;
    }
    const double column = std::round(x_pixel(chart, frame, series.points[i].x));
    Point sum;
    double count = 0.0;
    for (; i < series.points.size() && is_drawable(chart, series.points[i]) &&
           std::round(x_pixel(chart, frame, series.points[i].x)) == column;
         ++i) {
      sum = {sum.x + series.points[i].x, sum.y + series.points[i].y};
      count += 1.0;
    }
    path += fmt::format("{}{:.1f} {:.1f}", is_pen_down ? 'L' : 'M',
                        x_pixel(chart, frame, sum.x / count), y_pixel(chart, frame, sum.y / count));
    is_pen_down = true;
  }
  return path;
}

/// Names of the series beside their colours, in lines from `y` on; adds to `y` what they take.
std::string draw_legend(const LineChart& chart, double& y) {
  if (chart.series.size() < 2) {
    return {};
  }
  std::string out;
  double x = kTickTextWidth;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const std::string& name = chart.series[i].name;
    const double width = 34.0 + 7.0 * static_cast<double>(name.size());
    if (x > kTickTextWidth && x + width > kWidth - kRight) {
      x = kTickTextWidth;
      y += kLegendLine;
    }
    out += fmt::format("<path d=\"M{:.1f} {:.1f}h16\" stroke=\"{}\" stroke-width=\"3\"/>\n", x,
                       y - 4.0, kColors[i % kColors.size()]);
    out += svg_text(x + 21.0, y, "start", "l", name);
    x += width;
  }
  y += kLegendLine;
  return out;
}

}  // namespace

std::string line_chart_svg(const LineChart& chart) {
  std::string out = svg_begin(kWidth, kHeight, chart.title);
  out += svg_text(kTickTextWidth, 24.0, "start", "t", chart.title);
  out += svg_text(kTickTextWidth + kPlotWidth / 2.0, kHeight - 12.0, "middle", "l",
                  axis_title(chart.x.label, chart.x.unit));
  double legend_y = kTop + 4.0;
  out += draw_legend(chart, legend_y);
  std::optional<Frame> frame = find_frame(chart);
  if (!frame) {
    out += svg_text(kWidth / 2.0, kHeight / 2.0, "middle", "l", "no values yet");
    return out + "</svg>\n";
  }
  frame->top = chart.series.size() < 2 ? kTop : legend_y - 6.0;
  out += svg_text_upwards(18.0, frame->top + frame->height() / 2.0,
                          axis_title(chart.y.label, chart.y.unit));
  out += draw_axes(chart, *frame);
  for (size_t i = 0; i < chart.series.size(); ++i) {
    out += fmt::format("<path class=\"s\" stroke=\"{}\" d=\"{}\"/>\n", kColors[i % kColors.size()],
                       line_path(chart, *frame, chart.series[i]));
  }
  return out + "</svg>\n";
}

}  // namespace levin::plot
