// Conditions on fields of the sample, as SQL over `_sample s`.
#pragma once

#include "query/filter.h"
#include "query/internal/filter_names.h"
#include "query/internal/id_search.h"
#include "query/internal/sql_piece.h"

namespace slicebank {

// "= ?" or "IN (...)" to stand behind a modality_id or dataset_id, for a leaf that is_facet.
SqlPiece facet_value(const Filter& leaf, const NameResolver& names);

// "IN (...)" to stand behind a dataset_id: datasets of the regions named, and those of
// unknown region.
SqlPiece region_value(const Filter& leaf, const NameResolver& names);

// A leaf on a field of the sample. Always true or false for an existing row: what may be
// missing is looked for in a subquery, which then does not find it.
SqlPiece field_sql(const Filter& leaf, const SearchContext& context, const NameResolver& names);

SqlPiece split_sql(const Filter& filter, const NameResolver& names);

}  // namespace slicebank
