#include "query/chart.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "query/stats.h"
#include "schema/error.h"

namespace slicebank {
namespace {

std::size_t count_of(const std::string& text, const std::string& piece) {
  std::size_t count = 0;
  for (std::size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) {
    ++count;
  }
  return count;
}

BarChart two_by_two() {
  BarChart chart;
  chart.title = "Samples by class";
  chart.value_title = "samples";
  chart.categories = {"liver", "spleen"};
  chart.series = {{"CT", {1230, 82}, {}}, {"MR", {30, kNoBar}, {}}};
  return chart;
}

TEST_CASE("chart: a bar for every value that is there, with its number") {
  const std::string svg = bar_chart_svg(two_by_two());

  CHECK(svg.rfind("<svg xmlns=\"http://www.w3.org/2000/svg\"", 0) == 0);
  CHECK(svg.substr(svg.size() - 7) == "</svg>\n");
  CHECK(count_of(svg, "<title>liver, CT: 1,230 samples</title>") == 1);
  CHECK(count_of(svg, "<title>spleen, CT: 82 samples</title>") == 1);
  CHECK(count_of(svg, "<title>spleen, MR") == 0);
  CHECK(count_of(svg, ">1,230</text>") == 1);
  CHECK(svg == bar_chart_svg(two_by_two()));
}

// The width of the bar with this tooltip.
double bar_width(const std::string& svg, const std::string& tooltip) {
  const std::size_t end = svg.find("<title>" + tooltip);
  REQUIRE(end != std::string::npos);
  const std::size_t rect = svg.rfind("<rect", end);
  const std::size_t width = svg.find(" width=\"", rect) + 8;
  return std::stod(svg.substr(width));
}

TEST_CASE("chart: lengths follow the values, linear or logarithmic") {
  BarChart chart = two_by_two();
  std::string svg = bar_chart_svg(chart);
  CHECK(bar_width(svg, "liver, CT") / bar_width(svg, "spleen, CT") ==
        doctest::Approx(15).epsilon(0.01));

  chart.scale = ValueScale::logarithmic;
  chart.series = {{"CT", {10, 1000}, {}}, {"MR", {100, 0}, {}}};
  svg = bar_chart_svg(chart);
  const double one = bar_width(svg, "liver, CT");
  const double two = bar_width(svg, "liver, MR");
  const double three = bar_width(svg, "spleen, CT");
  CHECK(three - two == doctest::Approx(two - one).epsilon(0.01));
  CHECK(bar_width(svg, "spleen, MR") == 0);
  CHECK(count_of(svg, "(logarithmic)") == 1);
}

TEST_CASE("chart: negative values, percents and marks of what was wanted") {
  BarChart chart;
  chart.categories = {"train"};
  chart.format = ValueFormat::percent;
  chart.series = {{"got", {0.125}, {0.25}}, {"off", {-0.125}, {}}};
  const std::string svg = bar_chart_svg(chart);
  CHECK(count_of(svg, ">12.5 %</text>") == 1);
  CHECK(count_of(svg, ">-12.5 %</text>") == 1);
  CHECK(count_of(svg, "got: wanted 25 %") == 1);
  CHECK(bar_width(svg, "train, got") == doctest::Approx(bar_width(svg, "train, off")));
}

TEST_CASE("chart: names of any kind are text, and long ones are cut with a tooltip") {
  BarChart chart = two_by_two();
  const std::string hostile = "<script>\"&'\x01\xff</script>";
  const std::string name = std::string(100, 'x') + "\xc3\xa4";
  chart.title = hostile;
  chart.categories = {hostile, name};
  chart.series[0].name = hostile;
  const std::string svg = bar_chart_svg(chart);
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find('\x01') == std::string::npos);
  CHECK(svg.find('\xff') == std::string::npos);
  CHECK(count_of(svg, "&lt;script&gt;&quot;&amp;'") >= 4);
  CHECK(count_of(svg, "<title>" + name + "</title>") == 1);
  CHECK(svg.find("xxx\xe2\x80\xa6<title>") != std::string::npos);
}

TEST_CASE("chart: nothing, one value and thirty series can be drawn; wrong shapes cannot") {
  BarChart chart;
  CHECK(bar_chart_svg(chart).find("</svg>") != std::string::npos);
  chart.categories = {"a"};
  for (int i = 0; i < 30; ++i) chart.series.push_back({"s" + std::to_string(i), {1.0 * i}, {}});
  const std::string svg = bar_chart_svg(chart);
  CHECK(count_of(svg, "<pattern ") == 22);
  CHECK(count_of(svg, "<title>a, s") == 30);

  chart.series = {{"s", {1, 2}, {}}};
  CHECK_THROWS_AS(bar_chart_svg(chart), Error);
  chart.series = {{"s", {1}, {1, 2}}};
  CHECK_THROWS_AS(bar_chart_svg(chart), Error);
  chart.series = {{"s", {std::numeric_limits<double>::infinity()}, {}}};
  CHECK_THROWS_AS(bar_chart_svg(chart), Error);
  chart.series = {{"s", {-1}, {}}};
  CHECK(bar_chart_svg(chart).size() > 100);
  chart.scale = ValueScale::logarithmic;
  CHECK_THROWS_AS(bar_chart_svg(chart), Error);
  chart.width = 10;
  CHECK_THROWS_AS(bar_chart_svg(chart), Error);
}

TEST_CASE("chart: a table of counts becomes classes down the side, modalities as series") {
  StatsTable table;
  table.by = {"modality", "class"};
  table.rows = {
      {{"CT", "liver"}, 10, 20, 3}, {{"MR", "liver"}, 5, 5, 1}, {{"CT", "aorta"}, 12, 1, 2}};

  BarChart chart = stats_chart(table);
  CHECK(chart.title == "Samples by modality and class");
  CHECK(chart.categories == std::vector<std::string>{"liver", "aorta"});
  REQUIRE(chart.series.size() == 2);
  CHECK(chart.series[0].name == "CT");
  CHECK(chart.series[0].values == std::vector<double>{10, 12});
  CHECK(chart.series[1].values[0] == 5);
  CHECK(std::isnan(chart.series[1].values[1]));
  CHECK(chart.subtitle.empty());

  StatsChartOptions options;
  options.measure = StatsMeasure::masks;
  options.categories_max = 1;
  chart = stats_chart(table, options);
  CHECK(chart.categories == std::vector<std::string>{"liver"});
  CHECK(chart.subtitle == "1 of 2 values of class, those with most masks");
  CHECK(chart.series[0].values == std::vector<double>{20});

  StatsTable everything;
  everything.rows = {{{}, 7, 8, 9}};
  chart = stats_chart(everything);
  CHECK(chart.categories == std::vector<std::string>{"all"});
  CHECK(chart.series[0].values == std::vector<double>{7});
  CHECK(stats_chart(StatsTable{}).categories.empty());
}

}  // namespace
}  // namespace slicebank
