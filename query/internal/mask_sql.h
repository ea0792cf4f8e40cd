// Conditions on one mask or label, as SQL over `_mask k` or `_label k`.
#pragma once

#include <functional>
#include <string>

#include "query/filter.h"
#include "query/internal/filter_names.h"
#include "query/internal/sql_piece.h"

namespace slicebank {

// `expression <comparison> ?` and its like for the leaf's kind: true or, where the
// expression is NULL, not true.
SqlPiece sql_condition(const std::string& expression, const Filter& leaf);

// The same for a text that the taxonomy's codes stand for, inside a table that names them.
// `code` turns value number i into the codes it stands for; used for = != IN, where the
// language understands aliases. `code_column` holds 0 where nothing is known.
SqlPiece sql_coded(const std::string& code_column, const std::string& names_table,
                   const Filter& leaf,
                   const std::function<std::vector<SqlValue>(std::size_t)>& code);

// " = ", " < ", ...
const char* comparison_sql(Comparison comparison);

// Whether the leaf is an equality: =, != or IN, which names things exactly.
bool is_equality(const Filter& leaf);
// Whether it is satisfied by what is named: = or IN.
bool is_positive_equality(const Filter& leaf);

// A leaf on a field of a mask. Always true or false for an existing row. Fields of the
// mask's shape may be used over `_mask k` only.
SqlPiece mask_leaf_sql(const Filter& leaf, const NameResolver& names);

// Whether the leaf tells which classes come in question, so that the clustered tables can
// be searched rather than scanned.
bool narrows_classes(const Filter& leaf);

}  // namespace slicebank
