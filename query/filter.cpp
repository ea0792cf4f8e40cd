#include "query/filter.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "query/internal/filter_check.h"
#include "query/internal/filter_cursor.h"
#include "query/internal/filter_fields.h"
#include "query/internal/formula.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;
using TokenKind = FilterToken::Kind;

// Recursive descent, one method a rule of docs/query_language.md. Recursion is bounded by
// FilterCursor::Level, which every parenthesis and NOT counts up.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), cursor_(text) {}

  FilterPtr run() {
    if (cursor_.here().kind == TokenKind::end) return std::make_shared<Filter>();
    FilterPtr filter = either();
    if (cursor_.here().kind != TokenKind::end) {
      cursor_.fail(
          cursor_.here(), fmt::format("{} cannot stand here", cursor_.describe(cursor_.here())),
          cursor_.is_symbol(")") ? "there is no ( for it" : "join two conditions with AND or OR");
    }
    check_filter(*filter, text_);
    return filter;
  }

 private:
  static FilterPtr node(Kind kind, std::size_t column, std::vector<FilterPtr> children) {
    auto made = std::make_shared<Filter>();
    made->kind = kind;
    made->column = column;
    made->children = std::move(children);
    return made;
  }

  FilterPtr either() {
    const std::size_t column = cursor_.here().column;
    std::vector<FilterPtr> children{both()};
    while (cursor_.take_word("or")) children.push_back(both());
    if (children.size() == 1) return children.front();
    return node(Kind::logical_or, column, std::move(children));
  }

  FilterPtr both() {
    const std::size_t column = cursor_.here().column;
    std::vector<FilterPtr> children{negation()};
    while (cursor_.take_word("and")) children.push_back(negation());
    if (children.size() == 1) return children.front();
    return node(Kind::logical_and, column, std::move(children));
  }

  FilterPtr negation() {
    const FilterToken& token = cursor_.here();
    if (!cursor_.take_word("not")) return primary();
    const FilterCursor::Level level(cursor_, token);
    return node(Kind::logical_not, token.column, {negation()});
  }

  FilterPtr primary() {
    const FilterToken& token = cursor_.here();
    if (begins_formula()) return formula_condition();
    if (cursor_.take_symbol("(")) {
      const FilterCursor::Level level(cursor_, token);
      FilterPtr inner = either();
      if (!cursor_.take_symbol(")")) cursor_.fail_unclosed(token);
      return inner;
    }
    if (cursor_.take_word("true")) return node(Kind::all, token.column, {});
    if (cursor_.take_word("false")) {
      return node(Kind::logical_not, token.column, {node(Kind::all, token.column, {})});
    }
    if (token.kind != TokenKind::word || is_filter_keyword(token.text)) {
      cursor_.fail(token, fmt::format("expected a condition, found {}", cursor_.describe(token)),
                   token.kind == TokenKind::end ? "" : "a condition reads like modality = 'CT'");
    }
    if (cursor_.is_call()) return call();
    return condition();
  }

  // mask(...), absent('c'), unknown('c'), split('name') ...
  FilterPtr call() {
    const FilterToken& name = cursor_.here();
    if (name.text == "mask") return mask_call();
    auto made = std::make_shared<Filter>();
    made->column = name.column;
    if (name.text == "absent") {
      made->kind = Kind::absent;
    } else if (name.text == "unknown") {
      made->kind = Kind::unknown;
    } else if (name.text == "split") {
      made->kind = Kind::split_side;
    } else if (name.text == "exact") {
      cursor_.fail(name, "exact(...) stands where a class name stands",
                   "write class = exact('kidney')");
    } else if (find_field(name.text) != nullptr) {
      cursor_.fail(cursor_.ahead(),
                   fmt::format("expected a comparison after {}, found (", name.text),
                   fmt::format("write {} IN (...)", name.text));
    } else {
      cursor_.fail(name, fmt::format("there is no function '{}'", name.text),
                   "there are mask, absent, unknown and split");
    }
    cursor_.skip(2);
    if (cursor_.here().kind != TokenKind::string) {
      cursor_.fail(cursor_.here(),
                   fmt::format("{}(...) takes a name, found {}", name.text,
                               cursor_.describe(cursor_.here())),
                   fmt::format("write {}('...')", name.text));
    }
    add_value(*made);
    cursor_.expect_symbol(")", "after the name");
    if (made->kind == Kind::split_side) split_sides(*made);
    check_leaf(*made, in_mask_, text_);
    return made;
  }

  FilterPtr mask_call() {
    const FilterToken& name = cursor_.here();
    if (in_mask_) cursor_.fail(name, "mask(...) cannot stand inside mask(...)");
    const FilterToken& opening = cursor_.ahead();
    cursor_.skip(2);
    const FilterCursor::Level level(cursor_, opening);
    in_mask_ = true;
    FilterPtr inner = either();
    in_mask_ = false;
    if (!cursor_.take_symbol(")")) cursor_.fail_unclosed(opening);
    return node(Kind::mask, name.column, {std::move(inner)});
  }

  void split_sides(Filter& filter) {
    if (cursor_.take_word("is")) {
      filter.negated = cursor_.take_word("not");
      if (!cursor_.take_word("null")) cursor_.fail(cursor_.here(), "expected NULL after IS");
      return;
    }
    if (cursor_.is_symbol("=") || cursor_.is_symbol("!=")) {
      filter.comparison = cursor_.is_symbol("=") ? Comparison::equal : Comparison::not_equal;
      cursor_.skip(1);
      side_value(filter);
      return;
    }
    filter.negated = cursor_.take_word("not");
    if (!cursor_.take_word("in")) {
      cursor_.fail(cursor_.here(),
                   fmt::format("expected = or IN after split(...), found {}",
                               cursor_.describe(cursor_.here())),
                   "write split('main') = 'train'");
    }
    cursor_.expect_symbol("(", "after IN");
    do {
      side_value(filter);
    } while (cursor_.take_symbol(","));
    cursor_.expect_symbol(")", "after the list");
  }

  void side_value(Filter& filter) {
    if (cursor_.here().kind != TokenKind::string) {
      cursor_.fail(
          cursor_.here(),
          fmt::format("expected the name of a side, found {}", cursor_.describe(cursor_.here())),
          "put it in single quotes");
    }
    add_value(filter);
  }

  // A number, a sign, a parenthesis around a formula, or a field that is calculated with.
  bool begins_formula() const {
    const FilterToken& token = cursor_.here();
    if (token.kind == TokenKind::number) return true;
    if (token.kind == TokenKind::symbol) {
      return is_sign(token.text) || (token.text == "(" && cursor_.opens_formula());
    }
    return token.kind == TokenKind::word && !is_filter_keyword(token.text) &&
           cursor_.ahead().kind == TokenKind::symbol && is_sign(cursor_.ahead().text);
  }

  static bool is_sign(const std::string& symbol) {
    return symbol == "+" || symbol == "-" || symbol == "*" || symbol == "/";
  }

  FilterPtr formula_condition() {
    auto made = std::make_shared<Filter>();
    made->column = cursor_.here().column;
    made->formulas.push_back(read_formula(cursor_));
    formula_comparison(*made);
    simplify_formulas(*made);
    check_leaf(*made, in_mask_, text_);
    return made;
  }

  void formula_comparison(Filter& filter) {
    const FilterToken& token = cursor_.here();
    if (const auto comparison = take_comparison()) {
      filter.kind = Kind::compare;
      filter.comparison = *comparison;
      filter.formulas.push_back(read_formula(cursor_));
      return;
    }
    if (null_test(filter)) return;
    filter.negated = cursor_.take_word("not");
    if (cursor_.take_word("in")) {
      filter.kind = Kind::in;
      cursor_.expect_symbol("(", "after IN");
      do {
        filter.value_columns.push_back(cursor_.here().column);
        filter.values.push_back(read_number(cursor_));
      } while (cursor_.take_symbol(","));
      cursor_.expect_symbol(")", "after the list");
    } else if (cursor_.take_word("between")) {
      filter.kind = Kind::between;
      filter.formulas.push_back(read_formula(cursor_));
      between_and();
      filter.formulas.push_back(read_formula(cursor_));
    } else if (cursor_.is_word("like")) {
      cursor_.fail(token, "LIKE compares text, and this is a number");
    } else {
      cursor_.fail(token,
                   fmt::format("expected a comparison after the calculation, found {}",
                               cursor_.describe(token)),
                   "one of = != < <= > >= IN BETWEEN IS NULL");
    }
  }

  std::optional<Comparison> take_comparison() {
    static const std::vector<std::pair<const char*, Comparison>> symbols = {
        {"=", Comparison::equal},   {"!=", Comparison::not_equal},
        {"<", Comparison::less},    {"<=", Comparison::less_equal},
        {">", Comparison::greater}, {">=", Comparison::greater_equal}};
    for (const auto& [symbol, comparison] : symbols) {
      if (cursor_.take_symbol(symbol)) return comparison;
    }
    return std::nullopt;
  }

  bool null_test(Filter& filter) {
    if (!cursor_.take_word("is")) return false;
    filter.kind = Kind::is_null;
    filter.negated = cursor_.take_word("not");
    if (!cursor_.take_word("null")) cursor_.fail(cursor_.here(), "expected NULL after IS");
    return true;
  }

  void between_and() {
    if (cursor_.take_word("and")) return;
    cursor_.fail(cursor_.here(),
                 fmt::format("expected AND of BETWEEN, found {}", cursor_.describe(cursor_.here())),
                 "write BETWEEN 40 AND 80");
  }

  FilterPtr condition() {
    const FilterToken& name = cursor_.here();
    const Field* field = find_field(name.text);
    if (field == nullptr) throw_unknown_field(name.text, in_mask_, text_, name.column);
    cursor_.skip(1);
    auto made = std::make_shared<Filter>();
    made->column = name.column;
    made->field = name.text;
    comparison(*made, *field);
    if (!made->formulas.empty()) as_formulas(*made);
    check_leaf(*made, in_mask_, text_);
    return made;
  }

  void comparison(Filter& filter, const Field& field) {
    if (const auto comparison = take_comparison()) {
      filter.kind = Kind::compare;
      filter.comparison = *comparison;
      operand(filter, field);
      return;
    }
    if (null_test(filter)) return;
    const bool negated = cursor_.take_word("not");
    filter.negated = negated;
    if (cursor_.take_word("in")) {
      in_list(filter);
    } else if (cursor_.take_word("like")) {
      filter.kind = Kind::like;
      value(filter);
      if (cursor_.take_word("escape")) value(filter);
    } else if (cursor_.take_word("between")) {
      filter.kind = Kind::between;
      operand(filter, field);
      between_and();
      operand(filter, field);
    } else if (negated) {
      cursor_.fail(cursor_.here(), fmt::format("expected IN, LIKE or BETWEEN, found {}",
                                               cursor_.describe(cursor_.here())));
    } else if (field.type == FieldType::flag) {
      filter.kind = Kind::flag;
    } else {
      cursor_.fail(cursor_.here(),
                   fmt::format("expected a comparison after {}, found {}", field.name,
                               cursor_.describe(cursor_.here())),
                   "one of = != < <= > >= IN LIKE BETWEEN IS NULL");
    }
  }

  // What a field is compared with: a value or, for a number, anything that can be calculated.
  void operand(Filter& filter, const Field& field) {
    const FilterToken& token = cursor_.here();
    const bool calculates =
        field.type == FieldType::number &&
        (token.kind == TokenKind::number ||
         (token.kind == TokenKind::symbol && (is_sign(token.text) || token.text == "(")) ||
         (token.kind == TokenKind::word && find_field(token.text) != nullptr));
    if (!calculates) {
      value(filter);
      return;
    }
    FormulaPtr formula = read_formula(cursor_);
    if (formula->kind != Formula::Kind::number || !filter.formulas.empty()) {
      filter.formulas.push_back(std::move(formula));
    } else {
      filter.values.push_back(formula->number);
      filter.value_columns.push_back(formula->column);
    }
  }

  // A leaf whose field is compared with something calculated, as nothing but formulas.
  static void as_formulas(Filter& filter) {
    std::vector<FormulaPtr> formulas;
    auto field = std::make_shared<Formula>();
    field->kind = Formula::Kind::field;
    field->field = std::exchange(filter.field, {});
    field->column = filter.column;
    formulas.push_back(std::move(field));
    for (std::size_t i = 0; i < filter.values.size(); ++i) {
      auto number = std::make_shared<Formula>();
      number->number = filter.values[i];
      number->column = filter.value_columns[i];
      formulas.push_back(std::move(number));
    }
    formulas.insert(formulas.end(), filter.formulas.begin(), filter.formulas.end());
    filter.formulas = std::move(formulas);
    filter.values.clear();
    filter.value_columns.clear();
  }

  void in_list(Filter& filter) {
    filter.kind = Kind::in;
    cursor_.expect_symbol("(", "after IN");
    bool exact = false;
    do {
      const FilterToken& token = cursor_.here();
      filter.exact = false;
      value(filter);
      if (filter.values.size() > 1 && filter.exact != exact) {
        cursor_.fail(token, "exact(...) stands around some names of the list and not around others",
                     "write it around each, or join two conditions with OR");
      }
      exact = filter.exact;
    } while (cursor_.take_symbol(","));
    cursor_.expect_symbol(")", "after the list");
  }

  // A text, number, TRUE, FALSE, or exact('class').
  void value(Filter& filter) {
    const FilterToken& token = cursor_.here();
    if (token.kind == TokenKind::number || cursor_.is_symbol("-") || cursor_.is_symbol("+")) {
      filter.value_columns.push_back(token.column);
      filter.values.push_back(read_number(cursor_));
    } else if (token.kind == TokenKind::string) {
      add_value(filter);
    } else if (cursor_.is_word("true") || cursor_.is_word("false")) {
      filter.values.emplace_back(cursor_.is_word("true"));
      filter.value_columns.push_back(token.column);
      cursor_.skip(1);
    } else if (cursor_.is_word("exact") && cursor_.ahead().text == "(" &&
               cursor_.ahead().kind == TokenKind::symbol) {
      cursor_.skip(2);
      if (cursor_.here().kind != TokenKind::string) {
        cursor_.fail(cursor_.here(), fmt::format("exact(...) takes a class, found {}",
                                                 cursor_.describe(cursor_.here())));
      }
      add_value(filter);
      filter.exact = true;
      cursor_.expect_symbol(")", "after the class");
    } else if (cursor_.is_word("null")) {
      cursor_.fail(token, "nothing equals NULL", "write IS NULL");
    } else if (token.kind == TokenKind::word) {
      const std::string_view word = text_.substr(token.column, token.length);
      cursor_.fail(token, "text stands in single quotes", fmt::format("write '{}'", word));
    } else {
      cursor_.fail(token, fmt::format("expected a value, found {}", cursor_.describe(token)));
    }
  }

  void add_value(Filter& filter) {
    filter.values.push_back(cursor_.here().value);
    filter.value_columns.push_back(cursor_.here().column);
    cursor_.skip(1);
  }

  std::string_view text_;
  FilterCursor cursor_;
  bool in_mask_ = false;
};

}  // namespace

FilterPtr parse_filter(std::string_view text) { return Parser(text).run(); }

bool same_filter(const Filter& a, const Filter& b) {
  if (a.formulas.size() != b.formulas.size()) return false;
  for (std::size_t i = 0; i < a.formulas.size(); ++i) {
    const FormulaPtr& left = a.formulas[i];
    const FormulaPtr& right = b.formulas[i];
    if (left == right) continue;
    if (left == nullptr || right == nullptr || !same_formula(*left, *right)) return false;
  }
  if (a.kind != b.kind || a.field != b.field || a.comparison != b.comparison ||
      a.values != b.values || a.exact != b.exact || a.negated != b.negated ||
      a.children.size() != b.children.size()) {
    return false;
  }
  for (std::size_t i = 0; i < a.children.size(); ++i) {
    const FilterPtr& left = a.children[i];
    const FilterPtr& right = b.children[i];
    if (left == right) continue;
    if (left == nullptr || right == nullptr || !same_filter(*left, *right)) return false;
  }
  return true;
}

}  // namespace slicebank
