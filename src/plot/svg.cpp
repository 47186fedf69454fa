#include "plot/svg.h"

#include <fmt/format.h>

namespace levin::plot {
namespace {

constexpr std::string_view kStyle =
    "svg{font-family:system-ui,sans-serif;background:#fff;color:#222}"
    "text{fill:currentColor}.t{font-size:16px;font-weight:600}.l{font-size:12px}"
    ".k{font-size:11px;opacity:.75}.b{fill:#fff}.g{stroke:currentColor;stroke-opacity:.15}"
    ".a{stroke:currentColor;stroke-opacity:.6}.s{fill:none;stroke-width:1.6}"
    "@media(prefers-color-scheme:dark){svg{background:#181a1b;color:#ddd}.b{fill:#181a1b}}";

}  // namespace

std::string xml_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

std::string svg_begin(double width, double height, std::string_view title) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" "
      "height=\"{1:g}\" role=\"img\">\n<title>{2}</title>\n<style>{3}</style>\n"
      "<rect class=\"b\" width=\"{0:g}\" height=\"{1:g}\"/>\n",
      width, height, xml_escape(title), kStyle);
}

std::string svg_text(double x, double y, std::string_view anchor, std::string_view style_class,
                     std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n",
                     x, y, anchor, style_class, xml_escape(text));
}

std::string svg_text_upwards(double x, double y, std::string_view text) {
  return fmt::format(
      "<text transform=\"translate({:.1f} {:.1f}) rotate(-90)\" text-anchor=\"middle\" "
      "class=\"l\">{}</text>\n",
      x, y, xml_escape(text));
}

std::string axis_title(std::string_view label, std::string_view unit) {
  return unit.empty() ? std::string(label) : fmt::format("{} ({})", label, unit);
}

}  // namespace levin::plot
