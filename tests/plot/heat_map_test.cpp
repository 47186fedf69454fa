#include "plot/heat_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "plot/xml_elements.h"

namespace levin::plot {
namespace {

using levin::testing::parse_xml;
using levin::testing::xml_texts;
using ::testing::Contains;

HeatMap accuracy_map() {
  HeatMap map;
  map.title = "Look-up accuracy";
  map.column_label = "context (tokens)";
  map.row_label = "depth";
  map.columns = {"1K", "2K", "4K"};
  map.rows = {"start", "end"};
  map.values = {{1.0, 0.5, 0.0}, {0.97, std::numeric_limits<double>::quiet_NaN(), 0.25}};
  map.is_percent = true;
  return map;
}

TEST(HeatMap, WritesLabelsAndValues) {
  const auto texts = xml_texts(parse_xml(heat_map_svg(accuracy_map())), "text");
  for (const char* expected : {"Look-up accuracy", "context (tokens)", "depth", "2K", "end", "100",
                               "50", "0", "97", "25", "–"}) {
    EXPECT_THAT(texts, Contains(expected));
  }
}

TEST(HeatMap, ColoursCellsFromPaleToDeep) {
  std::vector<std::string> fills;
  for (const auto& element : parse_xml(heat_map_svg(accuracy_map()))) {
    if (element.attributes.contains("fill")) {
      fills.push_back(element.attributes.at("fill"));
    }
  }
  ASSERT_EQ(fills.size(), 5U) << "one coloured cell per value, none for the missing one";
  EXPECT_EQ(fills[0], "#08306b");
  EXPECT_EQ(fills[1], "#6baed6");
  EXPECT_EQ(fills[2], "#fde7d6");
}

TEST(HeatMap, RefusesATableWithHoles) {
  HeatMap map = accuracy_map();
  map.values[1].pop_back();
  EXPECT_THROW((void)heat_map_svg(map), base::Error);
  map = accuracy_map();
  map.max = map.min;
  EXPECT_THROW((void)heat_map_svg(map), base::Error);
}

}  // namespace
}  // namespace levin::plot
