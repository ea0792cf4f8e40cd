// What banks' splits and lists' splits share: from options to sides, from groups to an
// assignment with its report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/internal/split_groups.h"
#include "query/split.h"

namespace slicebank {

// Sides with their shares, which sum to 1 over those that are not closed.
struct SplitSides {
  std::vector<std::string> names;
  std::vector<double> ratios;
  std::vector<bool> closed;
};

// Throws Error(bad_argument) for options that make no sense. `leave_out_values` are the
// values of the word in options.leave_out, ascending.
SplitSides plan_sides(const SplitOptions& options,
                      const std::vector<std::string>& leave_out_values);

// Throws Error(bad_argument) for a name that is empty, too long or holds a colon.
void check_split_name(const std::string& kind, const std::string& name);

struct SolvedSplit {
  std::vector<std::uint16_t> side_of_group;
  SplitReport report;
};

// Chooses sides and counts what came of it. Fills in what the problem lacks.
SolvedSplit solve_split(SplitGroups& groups, const SplitSides& sides, const SplitOptions& options);

// "samples", "masks", ...; "subject", ...
const char* split_weight_name(SplitWeight weight);
const char* split_group_name(SplitGroup group);

}  // namespace slicebank
