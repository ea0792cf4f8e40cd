// Whether a class is absent from a sample, or nobody looked for it: absent('c'), unknown('c')
// (docs/query_language.md, "Three states").
#pragma once

#include <vector>

#include "query/filter.h"
#include "query/internal/filter_names.h"
#include "query/internal/id_search.h"
#include "query/internal/sql_piece.h"
#include "schema/ids.h"
#include "schema/taxonomy.h"

namespace slicebank {

// A class was looked for when it was itself, or when, in one of `ways`, all parts were: both
// kidneys for the kidney; what the taxonomy says it is made of; every class directly below it.
struct CoverageNeed {
  ClassId id{};
  std::vector<std::vector<CoverageNeed>> ways;
};

CoverageNeed coverage_of(const Taxonomy& taxonomy, ClassId id);

// The condition of an `absent` or `unknown` node, over `_sample s`.
SqlPiece presence_sql(const Filter& filter, const SearchContext& context,
                      const NameResolver& names);

}  // namespace slicebank
