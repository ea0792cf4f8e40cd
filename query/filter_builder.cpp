#include "query/filter_builder.h"

#include <memory>
#include <utility>

#include "query/internal/formula.h"

namespace slicebank::build {
namespace {

using Kind = Filter::Kind;

std::shared_ptr<Filter> node(Kind kind, std::vector<FilterPtr> children = {}) {
  auto made = std::make_shared<Filter>();
  made->kind = kind;
  made->children = std::move(children);
  return made;
}

// `a && b && c` is one AND of three.
Condition joined(Kind kind, const Condition& a, const Condition& b) {
  std::vector<FilterPtr> children{a.filter()};
  if (a.filter()->kind == kind) children = a.filter()->children;
  children.push_back(b.filter());
  return Condition(node(kind, std::move(children)));
}

FormulaPtr formula(Formula::Kind kind, std::vector<FormulaPtr> operands) {
  auto made = std::make_shared<Formula>();
  made->kind = kind;
  made->operands = std::move(operands);
  return made;
}

// A leaf of the kind about the term: about a field, where it is nothing but that.
std::shared_ptr<Filter> leaf(Kind kind, const Term& term) {
  auto made = node(kind);
  if (term.formula()->kind == Formula::Kind::field) {
    made->field = term.formula()->field;
  } else {
    made->formulas = {term.formula()};
  }
  return made;
}

Condition compare(Comparison comparison, const Term& a, const Term& b) {
  auto made = node(Kind::compare);
  made->comparison = comparison;
  made->formulas = {a.formula(), b.formula()};
  simplify_formulas(*made);
  return Condition(std::move(made));
}

Condition compare(Comparison comparison, const Term& a, const Word& b) {
  auto made = leaf(Kind::compare, a);
  made->comparison = comparison;
  made->values = {b.value()};
  made->exact = b.is_exact();
  return Condition(std::move(made));
}

Condition in_list(const Term& term, std::vector<FilterValue> values, bool negated) {
  auto made = leaf(Kind::in, term);
  made->values = std::move(values);
  made->negated = negated;
  return Condition(std::move(made));
}

Condition like_pattern(const Term& term, std::vector<FilterValue> values, bool negated) {
  auto made = leaf(Kind::like, term);
  made->values = std::move(values);
  made->negated = negated;
  return Condition(std::move(made));
}

Condition between_terms(const Term& term, const Term& low, const Term& high, bool negated) {
  auto made = node(Kind::between);
  made->formulas = {term.formula(), low.formula(), high.formula()};
  made->negated = negated;
  simplify_formulas(*made);
  return Condition(std::move(made));
}

Condition null_test(const Term& term, bool negated) {
  auto made = leaf(Kind::is_null, term);
  made->negated = negated;
  return Condition(std::move(made));
}

Condition named(Kind kind, std::string name) {
  auto made = node(kind);
  made->values = {std::move(name)};
  return Condition(std::move(made));
}

std::vector<FilterValue> words(std::vector<std::string> names) {
  std::vector<FilterValue> values;
  for (std::string& name : names) values.emplace_back(std::move(name));
  return values;
}

std::shared_ptr<Filter> of_split(const std::string& name, std::vector<std::string> sides) {
  auto made = node(Kind::split_side);
  made->values = {name};
  for (std::string& side : sides) made->values.emplace_back(std::move(side));
  return made;
}

}  // namespace

Condition::Condition(FilterPtr filter) : filter_(std::move(filter)) {}

Condition operator&&(const Condition& a, const Condition& b) {
  return joined(Kind::logical_and, a, b);
}
Condition operator||(const Condition& a, const Condition& b) {
  return joined(Kind::logical_or, a, b);
}
Condition operator!(const Condition& condition) {
  return Condition(node(Kind::logical_not, {condition.filter()}));
}

Term::Term(FormulaPtr formula) : formula_(std::move(formula)) {}

FormulaPtr Term::of_number(FilterValue number) {
  auto made = std::make_shared<Formula>();
  made->number = std::move(number);
  return made;
}

Condition Term::in(std::vector<FilterValue> values) const {
  return in_list(*this, std::move(values), false);
}
Condition Term::not_in(std::vector<FilterValue> values) const {
  return in_list(*this, std::move(values), true);
}
Condition Term::in_exactly(std::vector<std::string> classes) const {
  auto made = leaf(Kind::in, *this);
  made->values = words(std::move(classes));
  made->exact = true;
  return Condition(std::move(made));
}
Condition Term::like(std::string pattern) const {
  return like_pattern(*this, {std::move(pattern)}, false);
}
Condition Term::like(std::string pattern, char escape) const {
  return like_pattern(*this, {std::move(pattern), std::string(1, escape)}, false);
}
Condition Term::not_like(std::string pattern) const {
  return like_pattern(*this, {std::move(pattern)}, true);
}
Condition Term::between(const Term& low, const Term& high) const {
  return between_terms(*this, low, high, false);
}
Condition Term::not_between(const Term& low, const Term& high) const {
  return between_terms(*this, low, high, true);
}
Condition Term::between(const std::string& low, const std::string& high) const {
  auto made = leaf(Kind::between, *this);
  made->values = {low, high};
  return Condition(std::move(made));
}
Condition Term::is_null() const { return null_test(*this, false); }
Condition Term::is_not_null() const { return null_test(*this, true); }

Term field(std::string name) {
  auto made = std::make_shared<Formula>();
  made->kind = Formula::Kind::field;
  made->field = std::move(name);
  return Term(std::move(made));
}

Term operator+(const Term& a, const Term& b) {
  return Term(formula(Formula::Kind::add, {a.formula(), b.formula()}));
}
Term operator-(const Term& a, const Term& b) {
  return Term(formula(Formula::Kind::subtract, {a.formula(), b.formula()}));
}
Term operator*(const Term& a, const Term& b) {
  return Term(formula(Formula::Kind::multiply, {a.formula(), b.formula()}));
}
Term operator/(const Term& a, const Term& b) {
  return Term(formula(Formula::Kind::divide, {a.formula(), b.formula()}));
}
Term operator-(const Term& a) { return Term(formula(Formula::Kind::negate, {a.formula()})); }

Condition operator==(const Term& a, const Term& b) { return compare(Comparison::equal, a, b); }
Condition operator!=(const Term& a, const Term& b) { return compare(Comparison::not_equal, a, b); }
Condition operator<(const Term& a, const Term& b) { return compare(Comparison::less, a, b); }
Condition operator<=(const Term& a, const Term& b) { return compare(Comparison::less_equal, a, b); }
Condition operator>(const Term& a, const Term& b) { return compare(Comparison::greater, a, b); }
Condition operator>=(const Term& a, const Term& b) {
  return compare(Comparison::greater_equal, a, b);
}
Condition operator==(const Term& a, const Word& b) { return compare(Comparison::equal, a, b); }
Condition operator!=(const Term& a, const Word& b) { return compare(Comparison::not_equal, a, b); }
Condition operator<(const Term& a, const Word& b) { return compare(Comparison::less, a, b); }
Condition operator<=(const Term& a, const Word& b) { return compare(Comparison::less_equal, a, b); }
Condition operator>(const Term& a, const Word& b) { return compare(Comparison::greater, a, b); }
Condition operator>=(const Term& a, const Word& b) {
  return compare(Comparison::greater_equal, a, b);
}

Condition all() { return Condition(node(Kind::all)); }
Condition flag(std::string name) {
  auto made = node(Kind::flag);
  made->field = std::move(name);
  return Condition(std::move(made));
}
Condition class_is(std::string name) { return field("class") == std::move(name); }
Condition class_in(std::vector<std::string> names) {
  return field("class").in(words(std::move(names)));
}
Condition mask(const Condition& condition) {
  return Condition(node(Kind::mask, {condition.filter()}));
}
Condition absent(std::string class_name) { return named(Kind::absent, std::move(class_name)); }
Condition unknown(std::string class_name) { return named(Kind::unknown, std::move(class_name)); }

Condition Split::in(std::vector<std::string> sides) const {
  return Condition(of_split(name_, std::move(sides)));
}
Condition Split::not_in(std::vector<std::string> sides) const {
  auto made = of_split(name_, std::move(sides));
  made->negated = true;
  return Condition(std::move(made));
}
Condition Split::is_null() const { return Condition(of_split(name_, {})); }
Condition Split::is_not_null() const {
  auto made = of_split(name_, {});
  made->negated = true;
  return Condition(std::move(made));
}
Condition Split::compare(Comparison comparison, const std::string& side) const {
  auto made = of_split(name_, {side});
  made->comparison = comparison;
  return Condition(std::move(made));
}
Condition operator==(const Split& split, const std::string& side) {
  return split.compare(Comparison::equal, side);
}
Condition operator!=(const Split& split, const std::string& side) {
  return split.compare(Comparison::not_equal, side);
}

}  // namespace slicebank::build
