// The filter language: the WHERE clause a user would write (docs/query_language.md).
//
//   modality = 'CT' AND class IN ('liver', 'spleen') AND NOT dataset = 'LiTS'
//   mask(class = 'liver' AND area_fraction > 0.01 AND NOT touches_border)
//
// Text becomes a small tree; query/filter_sql.h turns the tree into parameterised SQL.
// Plain values: copy, compare, build by hand. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace slicebank {

enum class Comparison { equal, not_equal, less, less_equal, greater, greater_equal };

using FilterValue = std::variant<double, std::int64_t, std::string, bool>;

struct Filter;
using FilterPtr = std::shared_ptr<const Filter>;

// A number calculated from fields: width * height, (x1 - x0) / 2. Calculated in doubles,
// whatever the fields are. Without a result (a value that is missing, a division by zero)
// it is missing itself.
struct Formula {
  enum class Kind { number, field, negate, add, subtract, multiply, divide };

  Kind kind = Kind::number;
  FilterValue number = std::int64_t{0};                  // of a number: std::int64_t or double
  std::string field;                                     // of a field that is a number; lower case
  std::vector<std::shared_ptr<const Formula>> operands;  // one to negate, else two
  std::size_t column = 0;                                // where it stands in the text
};
using FormulaPtr = std::shared_ptr<const Formula>;

// A node. Leaves about a mask's field outside mask(...) mean "some mask of the sample";
// where they are about the class, "some mask or image-level label". A leaf asks about a
// value that is there: a missing value satisfies no leaf but IS NULL. logical_not is the
// exact complement: what NOT x finds is what x does not find.
struct Filter {
  enum class Kind {
    all,          // matches every sample: the empty text, or TRUE
    compare,      // field, comparison, values[0]
    in,           // field, values
    like,         // field, values[0]: % and _, case-insensitive for ASCII; values[1], when
                  // there is one, is the ESCAPE character
    between,      // field, values[0], values[1]; both ends count
    is_null,      // field
    flag,         // field alone, a yes/no field: touches_border
    logical_and,  // children
    logical_or,
    logical_not,  // children[0]
    mask,         // children[0], about one and the same mask
    absent,       // values[0] a class: looked for, and not there
    unknown,      // values[0] a class: nobody looked
    split_side,   // values[0] the split's name; values[1...] its sides, with comparison equal
                  // or not_equal, or negated; without sides: split('x') IS NULL
  };

  Kind kind = Kind::all;
  std::string field;  // lower case
  Comparison comparison = Comparison::equal;
  std::vector<FilterValue> values;
  bool exact = false;    // class = exact('kidney'): without the classes below it
  bool negated = false;  // in, like, between, is_null, split_side: NOT IN, IS NOT NULL, ...
  std::vector<FilterPtr> children;
  // A leaf about something calculated: `field` is empty, and these stand in its place and in
  // that of the values: compare has two, between three, is_null one; in has one, and its
  // values. It is about a mask when one of the fields is: then a field of the sample is
  // that of the mask's sample.
  std::vector<FormulaPtr> formulas;
  std::size_t column = 0;                  // where it stands in the text, bytes from 0
  std::vector<std::size_t> value_columns;  // where each value stands; empty in a built tree
};

// Throws QueryError whose column() points at the word; the message names the nearest
// field. Unknown class names are found later, by to_sql, which knows the bank.
FilterPtr parse_filter(std::string_view text);

// The filter as text again; for a tree that parse_filter made, parse_filter(to_text(f)) is
// the same tree (but for columns).
std::string to_text(const Filter& filter);

std::string to_text(const Formula& formula);

// Two trees, columns aside.
bool same_filter(const Filter& a, const Filter& b);
bool same_formula(const Formula& a, const Formula& b);

// What a filter can name: for help texts and completion.
struct FieldInfo {
  std::string name;
  std::string type;      // "text", "number", "yes/no"
  bool of_mask = false;  // about a mask rather than the sample
  std::string meaning;
};
const std::vector<FieldInfo>& filter_fields();

}  // namespace slicebank
