// Whether a filter's parts fit together, for trees read from text and built by hand alike.
#pragma once

#include <cstddef>
#include <string_view>

#include "query/filter.h"

namespace slicebank {

// Throws QueryError, pointing into `text`, when one leaf makes no sense: an unknown field,
// a value of another type, a word that axis, pixel_type or side does not have, or a field
// of the sample inside mask(...). `in_mask` says whether the leaf stands there.
void check_leaf(const Filter& leaf, bool in_mask, std::string_view text);

// The whole tree: every leaf, the number of children and values of each node, depth and
// number of terms (schema/limits.h).
void check_filter(const Filter& filter, std::string_view text);

// Throws the QueryError for a field that does not exist, naming the nearest.
[[noreturn]] void throw_unknown_field(std::string_view field, bool in_mask, std::string_view text,
                                      std::size_t column);

// Where value number `index` stands in the text; the node's own place in a built tree.
std::size_t value_column(const Filter& filter, std::size_t index);

}  // namespace slicebank
