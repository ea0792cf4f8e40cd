// From samples to the groups that a split must not tear apart, with what it balances.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/internal/columns.h"
#include "query/internal/stratify.h"
#include "query/split.h"
#include "store/bank.h"

namespace slicebank {

struct SplitGroups {
  std::vector<std::uint32_t> group_of;  // a sample: its group
  StratifyProblem problem;              // groups in the order of a seeded hash of their names
  std::vector<std::string> labels;      // names; "samples" first, then ascending
  std::uint64_t joined_by_pixels = 0;
  std::uint64_t kept = 0;
  std::uint64_t in_conflict = 0;
};

// `columns` holds names where samples are grouped by themselves, and hashes where equal
// pixels are joined. `problem.ratios` is left to the caller.
SplitGroups make_groups(const Bank& bank, const SampleColumns& columns, const SplitOptions& options,
                        const std::vector<std::string>& sides);

}  // namespace slicebank
