// Grouped bar charts as SVG: what stats and splits draw. Pure text, no fonts and no files.
//
//   BarChart chart;
//   chart.title = "Samples by class and modality";
//   chart.categories = {"liver", "spleen"};
//   chart.series = {{"CT", {120, 80}, {}}, {"MR", {30, kNoBar}, {}}};
//   write_file("chart.svg", bar_chart_svg(chart));
//
// Bars lie on their side, so that long names stay readable. Series differ by colour (eight
// that the colour-blind can tell apart) and, from the ninth on, by texture as well. Every
// bar carries its number and a tooltip. Equal charts give equal bytes.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace slicebank {

// A value that is not there: no bar and no room for one.
inline constexpr double kNoBar = std::numeric_limits<double>::quiet_NaN();

struct BarSeries {
  std::string name;
  std::vector<double> values;  // one a category; kNoBar where there is none
  std::vector<double> wanted;  // a mark across the bar, where it should have ended; or empty
};

enum class ValueScale { linear, logarithmic };

enum class ValueFormat {
  number,   // 1,234 or 0.25
  percent,  // the value 0.25 as 25 %
};

struct BarChart {
  std::string title;
  std::string subtitle;     // one line below the title; may be empty
  std::string value_title;  // what the bars count: "samples"
  std::string series_title;
  std::vector<std::string> categories;  // from top to bottom
  std::vector<BarSeries> series;        // from top to bottom inside a category
  ValueScale scale = ValueScale::linear;
  ValueFormat format = ValueFormat::number;
  double width = 960;  // pixels; the height follows from the number of bars
};

// Text of any kind is escaped. Error(bad_argument) for a series whose values are not one a
// category, an infinite value, a negative one on a logarithmic scale, or a width under 300.
std::string bar_chart_svg(const BarChart& chart);

}  // namespace slicebank
