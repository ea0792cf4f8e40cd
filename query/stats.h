// Counts and tables of a bank or a selection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/chart.h"
#include "query/selection.h"
#include "store/bank.h"

namespace slicebank {

struct StatsRow {
  std::vector<std::string> keys;  // one a column of `by`; "(none)" where there is no value
  std::uint64_t samples = 0;      // distinct
  std::uint64_t masks = 0;        // in a table by class: of that class
  std::uint64_t subjects = 0;     // distinct
};

struct StatsTable {
  std::vector<std::string> by;
  std::vector<StatsRow> rows;  // most samples first, then by key
};

struct StatsOptions {
  // Behaviour: without them, `subjects` is 0, and a table by modality, dataset or class
  // over the whole bank comes at once from the counts the writer keeps.
  bool subjects = true;
  SelectOptions select;  // as of which generation
};

// `by`: any of modality, sequence, region, dataset, class, official_split, patient, axis,
// or split:NAME. Throws QueryError naming the nearest for another word.
//
// A class is counted under its own canonical name, not under those above it. A sample has
// the classes of its masks and of its labels above 0; it stands in the row of each, and in
// none when it has none. The same holds for the region where the dataset's is unknown,
// with a row "(none)" for what is left.
StatsTable stats(const Bank& bank, const std::vector<std::string>& by,
                 std::string_view filter_text = {}, const StatsOptions& options = {});

// What a chart of a table shows.
enum class StatsMeasure { samples, masks, subjects };

struct StatsChartOptions {
  StatsMeasure measure = StatsMeasure::samples;
  ValueScale scale = ValueScale::linear;
  std::size_t categories_max = 40;  // the largest are shown, and how many there are is said
};

// The last word of `by` down the side, largest first; a series for each value of the words
// before it (more than 24: those with the most, and the chart says so). A table without `by`
// has one bar.
BarChart stats_chart(const StatsTable& table, const StatsChartOptions& options = {});

}  // namespace slicebank
