// A table of counts as a bar chart.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "query/stats.h"

namespace slicebank {
namespace {

constexpr std::size_t kSeriesMax = 24;  // more than these colours and textures nobody reads

const char* measure_name(StatsMeasure measure) {
  return measure == StatsMeasure::samples ? "samples"
         : measure == StatsMeasure::masks ? "masks"
                                          : "subjects";
}

std::uint64_t measured(const StatsRow& row, StatsMeasure measure) {
  return measure == StatsMeasure::samples ? row.samples
         : measure == StatsMeasure::masks ? row.masks
                                          : row.subjects;
}

// Names by what they add up to, the largest first.
using Sums = std::unordered_map<std::string, std::uint64_t>;

std::vector<std::string> largest(const Sums& sums, std::size_t most) {
  std::vector<std::pair<std::string, std::uint64_t>> all(sums.begin(), sums.end());
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (all.size() > most) all.resize(most);
  std::vector<std::string> names;
  for (const auto& each : all) names.push_back(each.first);
  return names;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  return fmt::format("{}", fmt::join(words, between));
}

}  // namespace

BarChart stats_chart(const StatsTable& table, const StatsChartOptions& options) {
  const std::string measure = measure_name(options.measure);
  std::vector<std::string> before = table.by;
  std::string category_word;
  if (!before.empty()) {
    category_word = before.back();
    before.pop_back();
  }
  const auto category_of = [&](const StatsRow& row) {
    return row.keys.empty() ? std::string("all") : row.keys.back();
  };
  const auto series_of = [&](const StatsRow& row) {
    if (row.keys.size() < 2) return measure;
    return joined({row.keys.begin(), row.keys.end() - 1}, ", ");
  };

  Sums categories;
  Sums series;
  for (const StatsRow& row : table.rows) {
    categories[category_of(row)] += measured(row, options.measure);
    series[series_of(row)] += measured(row, options.measure);
  }
  BarChart chart;
  chart.scale = options.scale;
  chart.value_title = measure;
  chart.series_title = joined(before, ", ");
  chart.title = table.by.empty() ? fmt::format("All {}", measure)
                                 : fmt::format("{} by {}", measure, joined(table.by, " and "));
  if (!table.by.empty()) chart.title.front() = static_cast<char>(chart.title.front() - 'a' + 'A');
  chart.categories = largest(categories, options.categories_max);
  std::vector<std::string> notes;
  if (chart.categories.size() < categories.size()) {
    notes.push_back(fmt::format("{} of {} values of {}, those with most {}",
                                chart.categories.size(), categories.size(), category_word,
                                measure));
  }
  if (series.size() > kSeriesMax) {
    notes.push_back(
        fmt::format("{} of {} values of {}", kSeriesMax, series.size(), chart.series_title));
  }
  chart.subtitle = joined(notes, "; ");

  std::unordered_map<std::string, std::size_t> place_of_category;
  for (std::size_t i = 0; i < chart.categories.size(); ++i) {
    place_of_category.emplace(chart.categories[i], i);
  }
  std::unordered_map<std::string, std::size_t> place_of_series;
  for (const std::string& name : largest(series, kSeriesMax)) {
    place_of_series.emplace(name, chart.series.size());
    chart.series.push_back({name, std::vector<double>(chart.categories.size(), kNoBar), {}});
  }
  for (const StatsRow& row : table.rows) {
    const auto category = place_of_category.find(category_of(row));
    const auto line = place_of_series.find(series_of(row));
    if (category == place_of_category.end() || line == place_of_series.end()) continue;
    chart.series[line->second].values[category->second] =
        static_cast<double>(measured(row, options.measure));
  }
  return chart;
}

}  // namespace slicebank
