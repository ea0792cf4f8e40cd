// Labels of groups, counted: the last step to the problem that stratify() solves. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/internal/stratify.h"

namespace slicebank {

struct SplitGroups {
  std::vector<std::uint32_t> group_of;  // a sample: its group
  StratifyProblem problem;              // groups in the order of a seeded hash of their names
  std::vector<std::string> labels;      // names; "samples" first, then ascending
  std::uint64_t joined_by_pixels = 0;
  std::uint64_t kept = 0;
  std::uint64_t in_conflict = 0;
};

// How much of a label a group has; a cell may stand several times, and is then added up.
struct LabelAmount {
  std::uint64_t cell = 0;  // group << 32 | number of the label in label_names
  std::uint64_t amount = 1;
};

// Fills in `labels` and `problem` from `group_of` and the amounts: labels come by name, and
// "samples" counts `group_of`. With `presence` a group has 1 of each label it has.
void fill_labels(const std::vector<std::string>& label_names, std::vector<LabelAmount>&& amounts,
                 bool presence, const std::vector<std::int32_t>& fixed_sides, SplitGroups* groups);

}  // namespace slicebank
