// Counts and tables of a bank or a selection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/selection.h"
#include "store/bank.h"

namespace slicebank {

struct StatsRow {
  std::vector<std::string> keys;  // one a column of `by`; "(none)" where there is no value
  std::uint64_t samples = 0;      // distinct
  std::uint64_t masks = 0;
  std::uint64_t subjects = 0;  // distinct
};

struct StatsTable {
  std::vector<std::string> by;
  std::vector<StatsRow> rows;  // most samples first, then by key
};

// `by`: any of modality, sequence, region, dataset, class, official_split, patient, axis,
// or split:NAME. Throws QueryError naming the nearest for another word. With an empty
// filter, facets come from the counts the writer keeps.
StatsTable stats(const Bank& bank, const std::vector<std::string>& by,
                 std::string_view filter_text = {});

}  // namespace slicebank
