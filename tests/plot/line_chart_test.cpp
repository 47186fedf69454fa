#include "plot/line_chart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "plot/xml_elements.h"

namespace levin::plot {
namespace {

using levin::testing::parse_xml;
using levin::testing::xml_texts;
using levin::testing::XmlElement;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

LineChart loss_chart() {
  LineChart chart;
  chart.title = "Loss of <run> \"a&b\"";
  chart.x = {"step", "", Scale::kLinear};
  chart.y = {"loss", "nats", Scale::kLinear};
  chart.series = {{"text", {{0, 8}, {100, 4}}}, {"answers", {{0, 6}, {100, 0}}}};
  return chart;
}

std::vector<std::string> lines_of(const std::vector<XmlElement>& elements) {
  std::vector<std::string> lines;
  for (const XmlElement& element : elements) {
    const auto style = element.attributes.find("class");
    if (style != element.attributes.end() && style->second == "s") {
      lines.push_back(element.attributes.at("d"));
    }
  }
  return lines;
}

TEST(LineChart, NamesTitleAxesUnitsAndSeries) {
  const auto texts = xml_texts(parse_xml(line_chart_svg(loss_chart())), "text");
  EXPECT_THAT(texts, Contains("Loss of <run> \"a&b\""));
  EXPECT_THAT(texts, Contains("step"));
  EXPECT_THAT(texts, Contains("loss (nats)"));
  EXPECT_THAT(texts, Contains("text"));
  EXPECT_THAT(texts, Contains("answers"));
  EXPECT_THAT(texts, Contains("100"));
}

TEST(LineChart, DrawsEverySeriesFromCornerToCorner) {
  const auto lines = lines_of(parse_xml(line_chart_svg(loss_chart())));
  ASSERT_EQ(lines.size(), 2U);
  // The plot reaches from x 76 to 700 and, below title and legend, to y 348; y runs upwards.
  EXPECT_EQ(lines[0], "M76.0 56.0L700.0 202.0");
  EXPECT_EQ(lines[1], "M76.0 129.0L700.0 348.0");
}

TEST(LineChart, HasNoLegendForOneSeries) {
  LineChart chart = loss_chart();
  chart.series.resize(1);
  EXPECT_THAT(xml_texts(parse_xml(line_chart_svg(chart)), "text"), Not(Contains("text")));
}

TEST(LineChart, SpacesALogarithmicAxisByRatio) {
  LineChart chart = loss_chart();
  chart.y.scale = Scale::kLog;
  chart.series = {{"loss", {{0, 1}, {50, 10}, {100, 100}}}};
  EXPECT_THAT(lines_of(parse_xml(line_chart_svg(chart))),
              ElementsAre("M76.0 348.0L388.0 194.0L700.0 40.0"));
}

TEST(LineChart, BreaksALineAtValuesThatCannotBeDrawn) {
  LineChart chart = loss_chart();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  chart.series = {{"loss", {{0, 1}, {25, nan}, {50, 2}, {100, 3}}}};
  EXPECT_THAT(lines_of(parse_xml(line_chart_svg(chart))),
              ElementsAre("M76.0 348.0M388.0 194.0L700.0 40.0"));
}

TEST(LineChart, AveragesPointsThatShareAPixel) {
  LineChart chart = loss_chart();
  chart.series.resize(1);
  chart.series[0].points.clear();
  for (int step = 0; step < 100'000; ++step) {
    chart.series[0].points.push_back({static_cast<double>(step), std::sin(step)});
  }
  const std::string line = lines_of(parse_xml(line_chart_svg(chart))).at(0);
  EXPECT_LE(std::ranges::count(line, 'L'), 625);
}

TEST(LineChart, SaysSoWhereThereIsNothingToDraw) {
  LineChart chart = loss_chart();
  chart.series.clear();
  EXPECT_THAT(xml_texts(parse_xml(line_chart_svg(chart)), "text"), Contains("no values yet"));
}

TEST(Ticks, AreRoundNumbersInsideTheRange) {
  EXPECT_THAT(tick_values({0.0, 1.0}, Scale::kLinear, 5),
              ElementsAre(0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0));
  EXPECT_THAT(tick_values({3.0, 4812.0}, Scale::kLinear, 5), ElementsAre(1000, 2000, 3000, 4000));
  EXPECT_THAT(tick_values({0.5, 2000.0}, Scale::kLog, 6), ElementsAre(1, 10, 100, 1000));
}

TEST(Ticks, ReadShort) {
  EXPECT_EQ(tick_text(0.0), "0");
  EXPECT_EQ(tick_text(0.6000000000000001), "0.6");
  EXPECT_EQ(tick_text(1500), "1500");
  EXPECT_EQ(tick_text(12'500), "12.5k");
  EXPECT_EQ(tick_text(3e6), "3M");
  EXPECT_EQ(tick_text(1e-5), "1e-05");
}

}  // namespace
}  // namespace levin::plot
