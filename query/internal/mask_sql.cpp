#include "query/internal/mask_sql.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "query/internal/formula.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

struct ToSql {
  SqlValue operator()(double value) const { return value; }
  SqlValue operator()(std::int64_t value) const { return value; }
  SqlValue operator()(const std::string& value) const { return value; }
  SqlValue operator()(bool value) const { return std::int64_t{value}; }
};

SqlValue to_sql_value(const FilterValue& value) { return std::visit(ToSql{}, value); }

double number_of(const FilterValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

// Parts per million that a mask certainly has less than, or more than, for a fraction of
// `value`. The stored number is rounded down; between the two the exact one decides.
std::int64_t ppm_near(double value, std::int64_t offset) {
  const double clamped = std::min(std::max(value, -1.0), 2.0);
  return static_cast<std::int64_t>(std::floor(clamped * 1e6)) + offset;
}

constexpr const char* kAreaFraction =
    "(SELECT k.area * 1.0 / (z.width * z.height) FROM _sample z WHERE z.id = k.sample_id)";

// `area_fraction` is exact: area over pixels as one division. The stored parts per million
// decide nearly every row without a look at its sample.
SqlPiece fraction_compare(Comparison comparison, const FilterValue& value) {
  const double wanted = number_of(value);
  const SqlValue below = ppm_near(wanted, -1);
  const SqlValue above = ppm_near(wanted, +1);
  SqlPiece exact(kAreaFraction);
  SqlPiece piece;
  switch (comparison) {
    case Comparison::greater:
    case Comparison::greater_equal:
      exact << comparison_sql(comparison);
      exact.bind(wanted);
      piece << "(k.area_ppm > ";
      piece.bind(above) << " OR (k.area_ppm >= ";
      piece.bind(below) << " AND " << exact << "))";
      break;
    case Comparison::less:
    case Comparison::less_equal:
      exact << comparison_sql(comparison);
      exact.bind(wanted);
      piece << "(k.area_ppm < ";
      piece.bind(below) << " OR (k.area_ppm <= ";
      piece.bind(above) << " AND " << exact << "))";
      break;
    case Comparison::equal:
    case Comparison::not_equal:
      exact << " = ";
      exact.bind(wanted);
      piece << "(k.area_ppm BETWEEN ";
      piece.bind(below) << " AND ";
      piece.bind(above) << " AND " << exact << ")";
      if (comparison == Comparison::not_equal) piece = sql_not(piece);
      break;
  }
  piece.levels = 2;
  return piece;
}

SqlPiece area_fraction_sql(const Filter& leaf) {
  if (leaf.kind == Kind::compare) return fraction_compare(leaf.comparison, leaf.values[0]);
  if (leaf.kind == Kind::between) {
    const SqlPiece inside = sql_join({fraction_compare(Comparison::greater_equal, leaf.values[0]),
                                      fraction_compare(Comparison::less_equal, leaf.values[1])},
                                     true);
    return leaf.negated ? sql_not(inside) : inside;
  }
  return sql_condition(kAreaFraction, leaf);
}

SqlPiece classes_sql(const Filter& leaf, const NameResolver& names) {
  std::vector<SqlValue> ids;
  for (const ClassId id : names.classes(leaf)) ids.emplace_back(std::int64_t{raw(id)});
  SqlPiece piece("k.class_id");
  if (!is_positive_equality(leaf)) {
    piece << " NOT IN ";
    return piece.bind_list(ids);
  }
  if (ids.size() == 1) {
    piece << " = ";
    return piece.bind(ids.front());
  }
  piece << " IN ";
  return piece.bind_list(ids);
}

// Rows of `_class` for which the condition holds.
SqlPiece class_rows(const SqlPiece& condition) {
  SqlPiece piece("k.class_id IN (SELECT c.id FROM _class c WHERE ");
  return piece << condition << ")";
}

}  // namespace

const char* comparison_sql(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal:
      return " = ";
    case Comparison::not_equal:
      return " != ";
    case Comparison::less:
      return " < ";
    case Comparison::less_equal:
      return " <= ";
    case Comparison::greater:
      return " > ";
    case Comparison::greater_equal:
      return " >= ";
  }
  return " = ";
}

bool is_equality(const Filter& leaf) {
  return leaf.kind == Kind::in ||
         (leaf.kind == Kind::compare &&
          (leaf.comparison == Comparison::equal || leaf.comparison == Comparison::not_equal));
}

bool is_positive_equality(const Filter& leaf) {
  return (leaf.kind == Kind::in && !leaf.negated) ||
         (leaf.kind == Kind::compare && leaf.comparison == Comparison::equal);
}

SqlPiece sql_condition(const std::string& expression, const Filter& leaf) {
  const char* maybe_not = leaf.negated ? " NOT" : "";
  SqlPiece piece(expression);
  switch (leaf.kind) {
    case Kind::compare:
      piece << comparison_sql(leaf.comparison);
      return piece.bind(to_sql_value(leaf.values[0]));
    case Kind::in: {
      std::vector<SqlValue> values;
      for (const FilterValue& value : leaf.values) values.push_back(to_sql_value(value));
      piece << maybe_not << " IN ";
      return piece.bind_list(values);
    }
    case Kind::like:
      piece << maybe_not << " LIKE ";
      piece.bind(to_sql_value(leaf.values[0]));
      if (leaf.values.size() > 1) {
        piece << " ESCAPE ";
        piece.bind(to_sql_value(leaf.values[1]));
      }
      return piece;
    case Kind::between:
      piece << maybe_not << " BETWEEN ";
      piece.bind(to_sql_value(leaf.values[0])) << " AND ";
      return piece.bind(to_sql_value(leaf.values[1]));
    case Kind::is_null:
      return piece << " IS" << maybe_not << " NULL";
    default:  // a flag, as 0 or 1
      return piece << " = 1";
  }
}

SqlPiece sql_coded(const std::string& code_column, const std::string& names_table,
                   const Filter& leaf,
                   const std::function<std::vector<SqlValue>(std::size_t)>& code) {
  if (leaf.kind == Kind::is_null) {
    return SqlPiece(code_column + (leaf.negated ? " != 0" : " = 0"));
  }
  if (!is_equality(leaf)) {
    SqlPiece piece(fmt::format("{} IN (SELECT n.id FROM {} n WHERE ", code_column, names_table));
    return piece << sql_condition("n.name", leaf) << ")";
  }
  std::vector<SqlValue> codes;
  for (std::size_t i = 0; i < leaf.values.size(); ++i) {
    for (SqlValue& value : code(i)) codes.push_back(std::move(value));
  }
  SqlPiece piece;
  if (!is_positive_equality(leaf)) {
    piece << "(" << code_column << " != 0 AND " << code_column << " NOT IN ";
    piece.bind_list(codes) << ")";
  } else if (codes.size() == 1) {
    piece << code_column << " = ";
    piece.bind(codes.front());
  } else {
    piece << code_column << " IN ";
    piece.bind_list(codes);
  }
  return piece;
}

SqlPiece mask_leaf_sql(const Filter& leaf, const NameResolver& names) {
  if (!leaf.formulas.empty()) return formula_leaf_sql(leaf);
  const std::string& field = leaf.field;
  if (leaf.kind == Kind::is_null && field != "raw_class" && field != "class_region" &&
      field != "side") {
    return sql_constant(leaf.negated);  // the others are always known
  }
  if (field == "class") {
    if (is_equality(leaf)) return classes_sql(leaf, names);
    return class_rows(sql_condition("c.name", leaf));
  }
  if (field == "raw_class") {
    const bool absent = leaf.kind == Kind::is_null && !leaf.negated;
    SqlPiece piece("(k.dataset_id, k.raw_class) ");
    piece << (absent ? "NOT " : "") << "IN (SELECT w.dataset_id, w.number FROM _raw_class w";
    if (leaf.kind != Kind::is_null) piece << " WHERE " << sql_condition("w.name", leaf);
    return piece << ")";
  }
  if (field == "class_region") {
    return class_rows(sql_coded("c.region_id", "_region", leaf, [&](std::size_t i) {
      return std::vector<SqlValue>{std::int64_t{raw(names.region(leaf, i))}};
    }));
  }
  if (field == "side") {
    return class_rows(
        sql_condition("CASE c.side WHEN 1 THEN 'left' WHEN 2 THEN 'right' END", leaf));
  }
  if (field == "lesion") return class_rows(sql_condition("c.lesion", leaf));
  if (field == "area_fraction") return area_fraction_sql(leaf);
  if (field == "box_width") return sql_condition("(k.x1 - k.x0)", leaf);
  if (field == "box_height") return sql_condition("(k.y1 - k.y0)", leaf);
  return sql_condition("k." + field, leaf);  // area, instance, touches_border, x0, ...
}

bool narrows_classes(const Filter& leaf) {
  if (leaf.field == "class" || leaf.field == "class_region") {
    return is_positive_equality(leaf) || (leaf.kind == Kind::like && !leaf.negated);
  }
  return (leaf.field == "side" && is_positive_equality(leaf)) ||
         (leaf.field == "lesion" && leaf.kind == Kind::flag);
}

}  // namespace slicebank
