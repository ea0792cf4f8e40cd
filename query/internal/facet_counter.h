// Counts of samples, masks and subjects in the cells of a table.
#pragma once

#include <string>
#include <vector>

#include "query/internal/columns.h"
#include "query/stats.h"
#include "store/bank.h"

namespace slicebank {

// `by` holds known words (query/stats.h), each once. Rows come in no order. A sample with
// several classes is counted in the cell of each, with the masks that belong there.
StatsTable count_facets(const Bank& bank, const std::vector<std::string>& by,
                        const SampleColumns& columns);

}  // namespace slicebank
