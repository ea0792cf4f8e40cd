// Filter -> SQL text and bound values. Pure.
#pragma once

#include <functional>
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
  std::vector<std::vector<std::string>> split_sides;  // of splits[i]; empty: not checked
  // Asked for once a class is not known: what a better suggestion is chosen from.
  std::function<std::vector<ClassId>()> classes_in_use;
};

struct FilterSql {
  // A condition over `_sample s`, never empty, true or false for every row and never NULL.
  std::string where;
  std::vector<SqlValue> values;

  // A whole SELECT of the ids, in the form that the clustered tables answer fastest. Ids
  // come in no order and may repeat.
  std::string ids;
  std::vector<SqlValue> ids_values;

  // A whole SELECT of their number from the counts the writer keeps; empty where those
  // cannot tell.
  std::string count;
  std::vector<SqlValue> count_values;
};

// Throws QueryError pointing into `text` for an unknown modality, sequence, region, class,
// dataset, split or side, with the nearest name as hint. Values are always bound, never
// spliced. Any depth that schema/limits.h allows fits SQLite's parser: deep parts become
// common table expressions.
FilterSql to_sql(const Filter& filter, const FilterNames& names, const std::string& text);

}  // namespace slicebank
