// What kind of condition a part of a filter is, for the choice of how to search. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "query/filter.h"

namespace slicebank {

// Nodes and values of a tree.
std::size_t count_terms(const Filter& filter);

// Whether the condition is about masks or labels: mask(...), or a field of theirs.
bool is_finding(const Filter& filter);

// Of a finding: whether a label satisfies it as well as a mask does.
bool about_labels_too(const Filter& filter);

// Of a finding: whether a search for it can begin at classes.
bool searches_classes(const Filter& filter);

// The class = or IN that every finding of the condition satisfies, if there is one.
const Filter* named_classes(const Filter& filter);

// modality or dataset, = or IN a short list: mask and label rows carry both.
bool is_facet(const Filter& filter);

// Names a person, a volume or a sample.
bool leaves_very_few(const Filter& filter);

// What stands under an AND or OR. The same kind inside it, NOT NOT, and nodes of one child
// mean nothing of their own; without them there is less depth.
std::vector<FilterPtr> operands_of(const Filter& filter);
// The same for a tree that need not be of that kind: then it is the only operand.
std::vector<FilterPtr> operands_of(const FilterPtr& filter, Filter::Kind kind);

}  // namespace slicebank
