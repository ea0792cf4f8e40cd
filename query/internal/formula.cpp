#include "query/internal/formula.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "query/internal/filter_check.h"
#include "query/internal/filter_fields.h"
#include "query/internal/mask_sql.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

using Kind = Formula::Kind;
using TokenKind = FilterToken::Kind;

std::shared_ptr<Formula> node(Kind kind, std::size_t column, std::vector<FormulaPtr> operands) {
  auto made = std::make_shared<Formula>();
  made->kind = kind;
  made->operands = std::move(operands);
  made->column = column;
  return made;
}

// Recursive descent; parentheses and signs count as levels of the filter.
class Reader {
 public:
  explicit Reader(FilterCursor& cursor) : cursor_(cursor) {}

  FormulaPtr sum() {
    FormulaPtr left = product();
    while (cursor_.is_symbol("+") || cursor_.is_symbol("-")) {
      const Kind kind = cursor_.is_symbol("+") ? Kind::add : Kind::subtract;
      const std::size_t column = left->column;
      cursor_.skip(1);
      FormulaPtr right = product();
      left = node(kind, column, {std::move(left), std::move(right)});
    }
    return left;
  }

 private:
  FormulaPtr product() {
    FormulaPtr left = factor();
    while (cursor_.is_symbol("*") || cursor_.is_symbol("/")) {
      const Kind kind = cursor_.is_symbol("*") ? Kind::multiply : Kind::divide;
      const std::size_t column = left->column;
      cursor_.skip(1);
      FormulaPtr right = factor();
      left = node(kind, column, {std::move(left), std::move(right)});
    }
    return left;
  }

  FormulaPtr factor() {
    const FilterToken& token = cursor_.here();
    if (!cursor_.is_symbol("(") && ++terms_ > limits::kFormulaTermsMax) {
      cursor_.fail(token,
                   fmt::format("a calculation has more than {} terms", limits::kFormulaTermsMax));
    }
    const bool sign = cursor_.is_symbol("-") || cursor_.is_symbol("+");
    if (token.kind == TokenKind::number || (sign && cursor_.ahead().kind == TokenKind::number)) {
      auto made = node(Kind::number, token.column, {});
      made->number = read_number(cursor_);
      return made;
    }
    if (sign) {
      const FilterCursor::Level level(cursor_, token);
      const bool minus = cursor_.is_symbol("-");
      cursor_.skip(1);
      FormulaPtr operand = factor();
      return minus ? node(Kind::negate, token.column, {std::move(operand)}) : operand;
    }
    if (cursor_.is_symbol("(")) {
      const FilterCursor::Level level(cursor_, token);
      cursor_.skip(1);
      FormulaPtr inner = sum();
      if (cursor_.take_symbol(")")) return inner;
      if (cursor_.at_end()) cursor_.fail(token, "this ( is not closed");
      cursor_.fail(cursor_.here(), fmt::format("expected ) or + - * /, found {}",
                                               cursor_.describe(cursor_.here())));
    }
    if (token.kind == TokenKind::word && !is_filter_keyword(token.text)) return field(token);
    if (token.kind == TokenKind::string) {
      cursor_.fail(token, "a text cannot be calculated with", "write numbers without quotes");
    }
    cursor_.fail(token,
                 fmt::format("expected a number or a field, found {}", cursor_.describe(token)));
  }

  FormulaPtr field(const FilterToken& token) {
    if (cursor_.is_call()) {
      cursor_.fail(token, fmt::format("{}(...) is no number", token.text));
    }
    auto made = node(Kind::field, token.column, {});
    made->field = token.text;
    check_formula(*made, cursor_.text());
    cursor_.skip(1);
    return made;
  }

  FilterCursor& cursor_;
  std::size_t terms_ = 0;
};

class Checker {
 public:
  explicit Checker(std::string_view text) : text_(text) {}

  void check(const Formula& formula, std::size_t levels) {
    if (levels > limits::kFormulaLevelsMax) {
      fail(formula, fmt::format("a calculation is nested more than {} levels deep",
                                limits::kFormulaLevelsMax));
    }
    if (++terms_ > 2 * limits::kFormulaTermsMax) {
      fail(formula, fmt::format("a calculation has more than {} terms", limits::kFormulaTermsMax));
    }
    const bool leaf = formula.kind == Kind::number || formula.kind == Kind::field;
    const std::size_t wanted = leaf ? 0 : formula.kind == Kind::negate ? 1 : 2;
    if (formula.operands.size() != wanted ||
        std::any_of(formula.operands.begin(), formula.operands.end(),
                    [](const FormulaPtr& operand) { return operand == nullptr; })) {
      fail(formula, "a calculation has a wrong number of operands");
    }
    if (formula.kind == Kind::number) number(formula);
    if (formula.kind == Kind::field) field(formula);
    // What stands to the left is calculated first and needs no parentheses, nor a level.
    for (std::size_t i = 0; i < formula.operands.size(); ++i) {
      const Formula& operand = *formula.operands[i];
      const bool sum = operand.kind == Kind::add || operand.kind == Kind::subtract;
      const bool product = formula.kind == Kind::multiply || formula.kind == Kind::divide;
      const bool nests = formula.kind == Kind::negate || i == 1 || (sum && product);
      check(operand, levels + (nests ? 1 : 0));
    }
  }

 private:
  [[noreturn]] void fail(const Formula& formula, const std::string& message,
                         std::string hint = {}) const {
    throw QueryError(message, std::string(text_), formula.column, std::move(hint));
  }

  void number(const Formula& formula) const {
    if (std::holds_alternative<std::int64_t>(formula.number)) return;
    const auto* value = std::get_if<double>(&formula.number);
    if (value == nullptr) fail(formula, "a text cannot be calculated with");
    if (!std::isfinite(*value)) fail(formula, "no finite number stands in a calculation");
  }

  void field(const Formula& formula) const {
    const Field* field = find_field(formula.field);
    if (field == nullptr) throw_unknown_field(formula.field, false, text_, formula.column);
    if (field->type == FieldType::number) return;
    fail(formula, fmt::format("{} is {}, and cannot be calculated with", field->name,
                              field->type == FieldType::text ? "text" : "yes or no"));
  }

  std::string_view text_;
  std::size_t terms_ = 0;
};

bool any_field(const Formula& formula, bool (*condition)(const Field&)) {
  if (formula.kind == Kind::field) {
    const Field* field = find_field(formula.field);
    return field != nullptr && condition(*field);
  }
  return std::any_of(formula.operands.begin(), formula.operands.end(),
                     [&](const FormulaPtr& operand) { return any_field(*operand, condition); });
}

// --- As SQL. Everything is REAL, so a division never rounds and one by 0 is NULL.

double as_double(const FilterValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

// Fields of a mask from `_mask k`, of its sample from `sample`, a row of _sample; spacings
// from `_volume v`.
SqlPiece field_sql(const std::string& name, const std::string& sample) {
  const Field& field = *find_field(name);
  if (name == "area_fraction") {
    return SqlPiece(fmt::format("(k.area * 1.0 / ({0}.width * {0}.height))", sample));
  }
  if (name == "box_width") return SqlPiece("CAST(k.x1 - k.x0 AS REAL)");
  if (name == "box_height") return SqlPiece("CAST(k.y1 - k.y0 AS REAL)");
  if (field.place == FieldPlace::mask) return SqlPiece(fmt::format("CAST(k.{} AS REAL)", name));
  if (name.rfind("spacing_", 0) == 0) return SqlPiece("v." + name);
  const std::string column = name == "subject" ? "subject_id" : name;
  return SqlPiece(fmt::format("CAST({}.{} AS REAL)", sample, column));
}

bool is_sum(const Formula& formula) {
  return formula.kind == Kind::add || formula.kind == Kind::subtract;
}

// Parentheses only where the tree needs them: SQLite's parser has a short stack.
SqlPiece formula_sql(const Formula& formula, const std::string& sample) {
  const auto operand = [&](std::size_t index, bool wrap) {
    const SqlPiece inner = formula_sql(*formula.operands[index], sample);
    if (!wrap) return inner;
    SqlPiece piece("(");
    return piece << inner << ")";
  };
  const auto binary = [&](const char* symbol) {
    const Formula& left = *formula.operands[0];
    const Formula& right = *formula.operands[1];
    const bool product = formula.kind == Kind::multiply || formula.kind == Kind::divide;
    SqlPiece piece = operand(0, product && is_sum(left));
    return piece << symbol << operand(1, !right.operands.empty());
  };
  switch (formula.kind) {
    case Kind::number: {
      SqlPiece piece;
      return piece.bind(as_double(formula.number));
    }
    case Kind::field:
      return field_sql(formula.field, sample);
    case Kind::negate: {
      SqlPiece piece("-");
      return piece << operand(0, !formula.operands[0]->operands.empty());
    }
    case Kind::add:
      return binary(" + ");
    case Kind::subtract:
      return binary(" - ");
    case Kind::multiply:
      return binary(" * ");
    case Kind::divide:
      return binary(" / ");
  }
  return sql_constant(false);
}

// The condition of the leaf's kind; NULL where a formula has no result.
SqlPiece condition_sql(const Filter& leaf, const std::string& sample) {
  const SqlPiece asked = formula_sql(*leaf.formulas[0], sample);
  SqlPiece piece("(");
  switch (leaf.kind) {
    case Filter::Kind::compare:
      piece << asked << comparison_sql(leaf.comparison) << formula_sql(*leaf.formulas[1], sample);
      return piece << ")";
    case Filter::Kind::between: {
      const SqlPiece low = formula_sql(*leaf.formulas[1], sample);
      const SqlPiece high = formula_sql(*leaf.formulas[2], sample);
      // Outside one end is outside only when the other end is there.
      piece << asked << (leaf.negated ? " NOT BETWEEN " : " BETWEEN ") << low << " AND " << high;
      if (!leaf.negated) return piece << ")";
      return piece << " AND (" << low << ") IS NOT NULL AND (" << high << ") IS NOT NULL)";
    }
    case Filter::Kind::in: {
      std::vector<SqlValue> values;
      for (const FilterValue& value : leaf.values) values.emplace_back(as_double(value));
      piece << "(" << asked << ")" << (leaf.negated ? " NOT IN " : " IN ");
      return piece.bind_list(values) << ")";
    }
    default:
      return piece << "(" << asked << ")" << (leaf.negated ? " IS NOT NULL)" : " IS NULL)");
  }
}

bool is_spacing(const Field& field) { return field.name.rfind("spacing_", 0) == 0; }
bool is_of_mask(const Field& field) { return field.place != FieldPlace::sample; }
bool needs_sample(const Field& field) {
  return !is_of_mask(field) || field.name == "area_fraction";
}

bool any_field(const Filter& leaf, bool (*condition)(const Field&)) {
  return std::any_of(leaf.formulas.begin(), leaf.formulas.end(),
                     [&](const FormulaPtr& formula) { return any_field(*formula, condition); });
}

Comparison mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::less:
      return Comparison::greater;
    case Comparison::less_equal:
      return Comparison::greater_equal;
    case Comparison::greater:
      return Comparison::less;
    case Comparison::greater_equal:
      return Comparison::less_equal;
    default:
      return comparison;
  }
}

}  // namespace

FormulaPtr read_formula(FilterCursor& cursor) { return Reader(cursor).sum(); }

FilterValue read_number(FilterCursor& cursor) {
  const FilterToken& sign = cursor.here();
  const bool minus = cursor.is_symbol("-");
  if (minus || cursor.is_symbol("+")) cursor.skip(1);
  const FilterToken& token = cursor.here();
  if (token.kind != TokenKind::number) {
    cursor.fail(sign, fmt::format("expected a number, found {}", cursor.describe(sign)));
  }
  cursor.skip(1);
  if (!minus) return token.value;
  if (const auto* whole = std::get_if<std::int64_t>(&token.value)) return -*whole;
  // The one whole number that is there only with its sign.
  if (cursor.text().substr(token.column, token.length) == "9223372036854775808") {
    return std::numeric_limits<std::int64_t>::min();
  }
  return -std::get<double>(token.value);
}

void check_formula(const Formula& formula, std::string_view text) {
  Checker(text).check(formula, 1);
}

std::size_t count_terms(const Formula& formula) {
  std::size_t terms = 1;
  for (const FormulaPtr& operand : formula.operands) terms += count_terms(*operand);
  return terms;
}

bool is_about_mask(const Formula& formula) { return any_field(formula, is_of_mask); }

bool names_field(const Formula& formula) {
  return any_field(formula, [](const Field&) { return true; });
}

void simplify_formulas(Filter& filter) {
  const auto is = [&](std::size_t index, Kind kind) {
    return filter.formulas[index]->kind == kind;
  };
  if (filter.kind == Filter::Kind::compare && is(0, Kind::number) && is(1, Kind::field)) {
    std::swap(filter.formulas[0], filter.formulas[1]);
    filter.comparison = mirrored(filter.comparison);
  }
  if (!is(0, Kind::field)) return;
  for (std::size_t i = 1; i < filter.formulas.size(); ++i) {
    if (!is(i, Kind::number)) return;
  }
  filter.field = filter.formulas[0]->field;
  for (std::size_t i = 1; i < filter.formulas.size(); ++i) {
    filter.values.push_back(filter.formulas[i]->number);
    filter.value_columns.push_back(filter.formulas[i]->column);
  }
  filter.formulas.clear();
}

SqlPiece formula_leaf_sql(const Filter& leaf) {
  const bool spacing = any_field(leaf, is_spacing);
  SqlPiece piece;
  if (!any_field(leaf, is_of_mask)) {
    const SqlPiece condition = condition_sql(leaf, "s");
    if (!spacing) return piece << "(" << condition << " IS TRUE)";
    piece << "EXISTS (SELECT 1 FROM _volume v WHERE v.id = s.volume_id AND " << condition << ")";
    return piece;
  }
  const SqlPiece condition = condition_sql(leaf, "z");
  if (!any_field(leaf, needs_sample)) return piece << "(" << condition << " IS TRUE)";
  piece << "EXISTS (SELECT 1 FROM _sample z";
  if (spacing) piece << " JOIN _volume v ON v.id = z.volume_id";
  return piece << " WHERE z.id = k.sample_id AND " << condition << ")";
}

bool same_formula(const Formula& a, const Formula& b) {
  if (a.kind != b.kind || a.field != b.field || a.number != b.number ||
      a.operands.size() != b.operands.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.operands.size(); ++i) {
    const FormulaPtr& left = a.operands[i];
    const FormulaPtr& right = b.operands[i];
    if (left == right) continue;
    if (left == nullptr || right == nullptr || !same_formula(*left, *right)) return false;
  }
  return true;
}

}  // namespace slicebank
