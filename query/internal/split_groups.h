// From samples to the groups that a split must not tear apart, with what it balances.
#pragma once

#include <string>
#include <vector>

#include "query/internal/columns.h"
#include "query/internal/split_labels.h"
#include "query/split.h"
#include "store/bank.h"

namespace slicebank {

// `columns` holds names where samples are grouped by themselves, and hashes where equal
// pixels are joined. `problem.ratios` is left to the caller.
SplitGroups make_groups(const Bank& bank, const SampleColumns& columns, const SplitOptions& options,
                        const std::vector<std::string>& sides);

}  // namespace slicebank
