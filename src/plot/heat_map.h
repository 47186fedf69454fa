// A table of values as coloured cells, as SVG.
#pragma once

#include <string>
#include <vector>

namespace levin::plot {

struct HeatMap {
  std::string title;
  std::string column_label;          ///< what the columns are, with the unit: "context (tokens)"
  std::string row_label;             ///< "depth"
  std::vector<std::string> columns;  ///< their names
  std::vector<std::string> rows;     ///< from top to bottom
  /// values[row][column]; NaN: an empty cell. Each row has a value for each column.
  std::vector<std::vector<double>> values;
  double min = 0.0;         ///< the palest colour; values outside take the nearest one
  double max = 1.0;         ///< the deepest
  bool is_percent = false;  ///< cells read "97" (percent) instead of "0.97"
};

/// A self-contained SVG document; every cell holds its value as text. Throws
/// Error(kInvalidArgument) if the values do not form a table of rows x columns, or min >= max.
[[nodiscard]] std::string heat_map_svg(const HeatMap& map);

}  // namespace levin::plot
