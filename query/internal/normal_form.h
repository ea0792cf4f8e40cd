// The same filter in a form that indexes answer better. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "query/filter.h"

namespace slicebank {

// NOT only before conditions, never before AND or OR; no AND inside AND; and
// `class = 'a' OR class IN ('b', 'c')` as one IN. Finds the same samples: a condition is
// true or false of a sample, never missing.
FilterPtr normal_form(const Filter& filter);

// A normal form as an OR of at most `most` ANDs (each a tree of its own); only the filter
// itself where it takes more.
std::vector<FilterPtr> alternatives_of(const FilterPtr& normal, std::size_t most);

}  // namespace slicebank
