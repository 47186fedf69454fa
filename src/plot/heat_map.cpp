#include "plot/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "plot/svg.h"

namespace levin::plot {
namespace {

constexpr double kCellWidth = 64.0;
constexpr double kCellHeight = 30.0;
constexpr double kRowTextWidth = 96.0;

using Color = std::array<double, 3>;
constexpr Color kPale = {0xfd, 0xe7, 0xd6};
constexpr Color kMiddle = {0x6b, 0xae, 0xd6};
constexpr Color kDeep = {0x08, 0x30, 0x6b};

void check(const HeatMap& map) {
  if (!(map.min < map.max)) {
    base::throw_error(base::ErrorCode::kInvalidArgument, map.title,
                      "the range of a heat map must not be empty, got {} to {}", map.min, map.max);
  }
  const bool has_all_rows = map.values.size() == map.rows.size();
  if (!has_all_rows || !std::ranges::all_of(map.values, [&](const std::vector<double>& row) {
        return row.size() == map.columns.size();
      })) {
    base::throw_error(base::ErrorCode::kInvalidArgument, map.title,
                      "a heat map needs {} rows of {} values", map.rows.size(), map.columns.size());
  }
}

/// 0 is pale, 0.5 blue, 1 deep blue.
std::string color_text(double share) {
  const bool is_low = share < 0.5;
  const Color& from = is_low ? kPale : kMiddle;
  const Color& to = is_low ? kMiddle : kDeep;
  const double part = is_low ? 2.0 * share : 2.0 * share - 1.0;
  std::string text = "#";
  for (size_t i = 0; i < from.size(); ++i) {
    text += fmt::format("{:02x}", std::lround(from[i] + part * (to[i] - from[i])));
  }
  return text;
}

std::string draw_cell(const HeatMap& map, double x, double y, double value) {
  if (std::isnan(value)) {
    return svg_text(x + kCellWidth / 2.0, y + kCellHeight / 2.0 + 4.0, "middle", "k", "–");
  }
  const double share = std::clamp((value - map.min) / (map.max - map.min), 0.0, 1.0);
  const std::string text =
      map.is_percent ? fmt::format("{:.0f}", 100.0 * value) : fmt::format("{:.3g}", value);
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n"
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" class=\"l\" "
      "style=\"fill:{}\">{}</text>\n",
      x + 1.0, y + 1.0, kCellWidth - 2.0, kCellHeight - 2.0, color_text(share),
      x + kCellWidth / 2.0, y + kCellHeight / 2.0 + 4.0, share > 0.55 ? "#fff" : "#222", text);
}

}  // namespace

std::string heat_map_svg(const HeatMap& map) {
  check(map);
  const double table_width = kCellWidth * static_cast<double>(map.columns.size());
  const double table_height = kCellHeight * static_cast<double>(map.rows.size());
  const double title_width = 10.0 * static_cast<double>(map.title.size());
  const double width = kRowTextWidth + std::max(table_width, title_width) + kRight;
  const double height = kTop + table_height + kBottom;
  std::string out = svg_begin(width, height, map.title);
  out += svg_text(kRowTextWidth, 24.0, "start", "t", map.title);
  out += svg_text_upwards(18.0, kTop + table_height / 2.0, map.row_label);
  out +=
      svg_text(kRowTextWidth + table_width / 2.0, height - 12.0, "middle", "l", map.column_label);
  for (size_t column = 0; column < map.columns.size(); ++column) {
    out += svg_text(kRowTextWidth + (static_cast<double>(column) + 0.5) * kCellWidth,
                    kTop + table_height + 16.0, "middle", "k", map.columns[column]);
  }
  for (size_t row = 0; row < map.rows.size(); ++row) {
    const double y = kTop + static_cast<double>(row) * kCellHeight;
    out += svg_text(kRowTextWidth - 6.0, y + kCellHeight / 2.0 + 4.0, "end", "k", map.rows[row]);
    for (size_t column = 0; column < map.columns.size(); ++column) {
      out += draw_cell(map, kRowTextWidth + static_cast<double>(column) * kCellWidth, y,
                       map.values[row][column]);
    }
  }
  return out + "</svg>\n";
}

}  // namespace levin::plot
