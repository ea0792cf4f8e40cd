// Numbers calculated from fields: read from a filter's tokens, checked, written, compiled.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "query/filter.h"
#include "query/internal/filter_cursor.h"
#include "query/internal/sql_piece.h"

namespace slicebank {

// Reads sums of products of fields, numbers and parentheses, as far as they go. A sign
// before a number is part of it.
FormulaPtr read_formula(FilterCursor& cursor);

// A number with or without a sign. Throws QueryError where there is none.
FilterValue read_number(FilterCursor& cursor);

// Throws QueryError, pointing into `text`, for a field that is no number, a wrong number of
// operands, or more terms or levels than limits.h allows.
void check_formula(const Formula& formula, std::string_view text);

// Fields, numbers and signs.
std::size_t count_terms(const Formula& formula);

// Whether a field of a mask stands in it; and any field at all.
bool is_about_mask(const Formula& formula);
bool names_field(const Formula& formula);

// A leaf of a field against numbers is no calculation, `(area) > 3` nor `3 < area`: it gets
// its field and values.
void simplify_formulas(Filter& leaf);

// A leaf with formulas as a condition over `_sample s`, or over `_mask k`: true or false,
// never NULL.
SqlPiece formula_leaf_sql(const Filter& leaf);

}  // namespace slicebank
