// How a filter is answered: for people who ask why it finds what it finds, or how fast.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/filter.h"
#include "store/bank.h"

namespace slicebank {

struct FilterExplanation {
  std::string text;                     // as it was understood
  std::string tree;                     // a node a line, two blanks a level
  std::string normal;                   // the text of the form that is compiled
  std::string facets;                   // what the bank's facets tell of it, a line a condition
  std::string ids;                      // the SELECT that finds the ids where they do not
  std::vector<std::string> ids_values;  // what its ? stand for, in order
  std::string plan;                     // SQLite's, a step a line
  std::string count;  // the SELECT over the writer's counts; empty: the ids are counted
};

// Throws QueryError as a query of the same text does. Runs nothing but EXPLAIN.
FilterExplanation explain_parts(const Bank& bank, std::string_view filter_text);

// The same as text to read.
std::string explain_filter(const Bank& bank, std::string_view filter_text);

// A node a line, two blanks a level.
std::string tree_text(const Filter& filter);

}  // namespace slicebank
