// What a side panel shows beside a selection: how many of its samples have each value of
// each facet. From the bank's facets, without a look at rows: milliseconds at any size.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/selection.h"
#include "schema/ids.h"

namespace slicebank {

struct FacetRow {
  std::string facet;  // "modality", "sequence", "dataset", "region", "class", "axis",
                      // "official_split"
  std::string value;  // "(none)" where there is none
  std::uint64_t samples = 0;
};

// Every value that some sample of the bank has, also where none of the selection does;
// facet by facet in the order above, then by value's code. A sample is counted in each of
// its classes (masks and labels above 0), under the class's own name; the region is the
// dataset's. Samples deleted since the selection was made are not counted. Error(needs_reindex)
// where the bank's index keeps no facets.
std::vector<FacetRow> facet_panel(const Selection& selection);

struct SubjectCount {
  SubjectId subject{};
  std::uint64_t samples = 0;
};

// The people behind a selection, ascending by id, with how many samples each has in it.
std::vector<SubjectCount> count_subjects(const Selection& selection);

}  // namespace slicebank
