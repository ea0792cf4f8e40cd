// Filters made by code, and how they are answered.
#include "query/filter.h"

#include <nanobind/operators.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/native/native.h"
#include "query/filter_builder.h"
#include "query/filter_explain.h"
#include "schema/error.h"

namespace slicebank::python {
namespace {

using build::Condition;
using build::Term;

// A number, a text, a bool, a Term or an exact class, on the right of a comparison.
struct Operand {
  std::optional<Term> term;
  std::optional<build::Word> word;
};

Operand operand_of(nb::handle value) {
  if (nb::isinstance<Term>(value)) return {nb::cast<Term>(value), {}};
  if (nb::isinstance<build::Exact>(value)) return {{}, build::Word(nb::cast<build::Exact>(value))};
  if (nb::isinstance<nb::bool_>(value)) return {{}, build::Word(nb::cast<bool>(value))};
  if (nb::isinstance<nb::str>(value)) return {{}, build::Word(nb::cast<std::string>(value))};
  if (nb::isinstance<nb::int_>(value)) return {Term(nb::cast<std::int64_t>(value)), {}};
  if (nb::isinstance<nb::float_>(value)) return {Term(nb::cast<double>(value)), {}};
  throw nb::type_error("a filter compares with text, numbers, True, False, fields and exact()");
}

template <typename Right>
Condition compared(const Term& left, Comparison comparison, const Right& right) {
  switch (comparison) {
    case Comparison::equal:
      return left == right;
    case Comparison::not_equal:
      return left != right;
    case Comparison::less:
      return left < right;
    case Comparison::less_equal:
      return left <= right;
    case Comparison::greater:
      return left > right;
    case Comparison::greater_equal:
      return left >= right;
  }
  throw Error(ErrorCode::bad_argument, "a comparison that there is not");
}

Comparison comparison_of(const std::string& sign) {
  if (sign == "=") return Comparison::equal;
  if (sign == "!=") return Comparison::not_equal;
  if (sign == "<") return Comparison::less;
  if (sign == "<=") return Comparison::less_equal;
  if (sign == ">") return Comparison::greater;
  if (sign == ">=") return Comparison::greater_equal;
  throw Error(ErrorCode::bad_argument, "comparison: '" + sign + "'", "=, !=, <, <=, > or >=");
}

Condition compare(const Term& left, const std::string& sign, nb::handle right) {
  const Operand operand = operand_of(right);
  const Comparison comparison = comparison_of(sign);
  return operand.term ? compared(left, comparison, *operand.term)
                      : compared(left, comparison, *operand.word);
}

Term calculate(const Term& left, const std::string& sign, const Term& right) {
  if (sign == "+") return left + right;
  if (sign == "-") return left - right;
  if (sign == "*") return left * right;
  if (sign == "/") return left / right;
  throw Error(ErrorCode::bad_argument, "operator: '" + sign + "'", "+, -, * or /");
}

Term term_of(nb::handle value) {
  if (nb::isinstance<nb::bool_>(value)) throw nb::type_error("no number: True and False");
  Operand operand = operand_of(value);
  if (!operand.term) throw nb::type_error("a filter calculates with fields and numbers");
  return *std::move(operand.term);
}

// Numbers and texts; exact classes are a list of their own.
Condition in_list(const Term& term, nb::handle values, bool negated) {
  std::vector<FilterValue> plain;
  std::vector<std::string> exact;
  for (const nb::handle each : values) {
    if (nb::isinstance<build::Exact>(each)) {
      exact.push_back(nb::cast<build::Exact>(each).name);
    } else if (nb::isinstance<nb::bool_>(each)) {
      plain.emplace_back(nb::cast<bool>(each));
    } else if (nb::isinstance<nb::int_>(each)) {
      plain.emplace_back(nb::cast<std::int64_t>(each));
    } else if (nb::isinstance<nb::float_>(each)) {
      plain.emplace_back(nb::cast<double>(each));
    } else if (nb::isinstance<nb::str>(each)) {
      plain.emplace_back(nb::cast<std::string>(each));
    } else {
      throw nb::type_error("a list of a filter holds texts, numbers or exact()");
    }
  }
  if (!exact.empty() && !plain.empty()) {
    throw Error(ErrorCode::bad_argument, "a list has exact classes or others, not both",
                "join two lists with |");
  }
  if (!exact.empty()) {
    const Condition found = term.in_exactly(std::move(exact));
    return negated ? !found : found;
  }
  return negated ? term.not_in(std::move(plain)) : term.in(std::move(plain));
}

Condition between(const Term& term, nb::handle low, nb::handle high, bool negated) {
  const bool texts = nb::isinstance<nb::str>(low) && nb::isinstance<nb::str>(high);
  if (texts) {
    const Condition found = term.between(nb::cast<std::string>(low), nb::cast<std::string>(high));
    return negated ? !found : found;
  }
  return negated ? term.not_between(term_of(low), term_of(high))
                 : term.between(term_of(low), term_of(high));
}

Condition like(const Term& term, const std::string& pattern, const std::string& escape) {
  if (escape.empty()) return term.like(pattern);
  if (escape.size() != 1) {
    throw Error(ErrorCode::bad_argument, "escape: '" + escape + "'", "one character of ASCII");
  }
  return term.like(pattern, escape[0]);
}

nb::dict explanation(const Bank& bank, const std::string& filter) {
  FilterExplanation parts;
  {
    const nb::gil_scoped_release release;
    parts = explain_parts(bank, filter);
  }
  nb::dict dict;
  dict["text"] = parts.text;
  dict["tree"] = parts.tree;
  dict["normal"] = parts.normal;
  dict["facets"] = parts.facets;
  dict["ids"] = parts.ids;
  dict["ids_values"] = parts.ids_values;
  dict["plan"] = parts.plan;
  dict["count"] = parts.count;
  return dict;
}

nb::list field_list() {
  nb::list list;
  for (const FieldInfo& each : filter_fields()) {
    list.append(nb::make_tuple(each.name, each.type, each.of_mask, each.meaning));
  }
  return list;
}

void bind_builder(nb::module_& module) {
  using namespace nb::literals;
  nb::class_<Condition>(module, "Condition", "See slicebank.filters.")
      .def_prop_ro("text", &Condition::text)
      .def(
          "both", [](const Condition& a, const Condition& b) { return a && b; }, "other"_a)
      .def(
          "either", [](const Condition& a, const Condition& b) { return a || b; }, "other"_a)
      .def("negated", [](const Condition& it) { return !it; });
  nb::class_<build::Exact>(module, "Exact", "A class without those below it.")
      .def_ro("name", &build::Exact::name);
  nb::class_<Term>(module, "Term", "See slicebank.filters.")
      .def("compare", &compare, "sign"_a, "right"_a,
           nb::sig("def compare(self, sign: str, right: typing.Any) -> Condition"))
      .def("calculate", &calculate, "sign"_a, "right"_a)
      .def("negative", [](const Term& it) { return -it; })
      .def("in_list", &in_list, "values"_a, "negated"_a,
           nb::sig("def in_list(self, values: typing.Any, negated: bool) -> Condition"))
      .def("between", &between, "low"_a, "high"_a, "negated"_a,
           nb::sig("def between(self, low: typing.Any, high: typing.Any, negated: bool) -> "
                   "Condition"))
      .def("like", &like, "pattern"_a, "escape"_a)
      .def("is_null", &Term::is_null)
      .def("is_not_null", &Term::is_not_null);
  module.def("term", &term_of, "value"_a, nb::sig("def term(value: typing.Any) -> Term"));
  module.def(
      "field", [](const std::string& name) { return build::field(name); }, "name"_a);
  module.def(
      "exact", [](const std::string& name) { return build::exact(name); }, "name"_a);
  module.def("filter_all", &build::all);
  module.def(
      "filter_of", [](const std::string& text) { return Condition(parse_filter(text)); }, "text"_a);
  module.def(
      "flag", [](const std::string& name) { return build::flag(name); }, "name"_a);
  module.def(
      "of_mask", [](const Condition& it) { return build::mask(it); }, "condition"_a);
  module.def(
      "absent", [](const std::string& name) { return build::absent(name); }, "name"_a);
  module.def(
      "unknown", [](const std::string& name) { return build::unknown(name); }, "name"_a);
  module.def(
      "in_split",
      [](const std::string& name, const std::vector<std::string>& sides, bool negated) {
        const build::Split split(name);
        if (sides.empty()) return negated ? split.is_null() : split.is_not_null();
        return negated ? split.not_in(sides) : split.in(sides);
      },
      "name"_a, "sides"_a, "negated"_a);
}

}  // namespace

void bind_filter(nb::module_& module) {
  using namespace nb::literals;
  bind_builder(module);
  module.def("filter_fields", &field_list,
             nb::sig("def filter_fields() -> list[tuple[str, str, bool, str]]"));
  module.def("explain", &explanation, "bank"_a, "filter"_a,
             nb::sig("def explain(bank: Bank, filter: str) -> dict[str, typing.Any]"));
  module.def(
      "explain_text",
      [](const Bank& bank, const std::string& filter) {
        const nb::gil_scoped_release release;
        return explain_filter(bank, filter);
      },
      "bank"_a, "filter"_a);
}

}  // namespace slicebank::python
