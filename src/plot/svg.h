// Pieces that every chart's SVG shares. Private to plot.
#pragma once

#include <string>
#include <string_view>

namespace levin::plot {

/// Margins of every chart: the title above, the labels of the horizontal axis below.
inline constexpr double kTop = 40.0;
inline constexpr double kRight = 20.0;
inline constexpr double kBottom = 52.0;

/// `text` with the characters that XML reserves escaped, and without control characters.
[[nodiscard]] std::string xml_escape(std::string_view text);

/// The opening tag, the <title> that screen readers speak, the style sheet (light, and dark where
/// the reader's system asks for it) and the background.
[[nodiscard]] std::string svg_begin(double width, double height, std::string_view title);

/// <text>; `anchor` is start, middle or end; `style_class` is "t" (title), "l" (label) or "k"
/// (tick).
[[nodiscard]] std::string svg_text(double x, double y, std::string_view anchor,
                                   std::string_view style_class, std::string_view text);

/// The same, turned to be read upwards.
[[nodiscard]] std::string svg_text_upwards(double x, double y, std::string_view text);

/// "label (unit)", or the label alone.
[[nodiscard]] std::string axis_title(std::string_view label, std::string_view unit);

}  // namespace levin::plot
