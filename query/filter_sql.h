// Filter -> SQL text and bound values. Pure.
#pragma once

#include <string>
#include <vector>

#include "query/filter.h"
#include "schema/taxonomy.h"
#include "store/select.h"

namespace slicebank {

// What a filter's names are resolved against.
struct FilterNames {
  const Taxonomy* taxonomy = nullptr;
  std::vector<std::string> datasets;
  std::vector<std::string> splits;
  std::vector<ClassId> classes_in_use;  // ascending; for better suggestions
};

struct FilterSql {
  std::string where;  // over `_sample s JOIN _volume v`, never empty
  std::vector<SqlValue> values;
};

// Throws QueryError pointing into `text` for an unknown modality, region, class, dataset
// or split, with the nearest name as hint. Values are always bound, never spliced.
FilterSql to_sql(const Filter& filter, const FilterNames& names, const std::string& text);

}  // namespace slicebank
