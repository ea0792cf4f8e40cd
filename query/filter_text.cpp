// A filter as text again. Parentheses stand only where the tree needs them.
#include <fmt/format.h>

#include "query/filter.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) {
    if (c == '\'') text += '\'';
    text += c;
  }
  return text + "'";
}

struct ValueText {
  std::string operator()(const std::string& word) const { return quoted(word); }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(bool flag) const { return flag ? "TRUE" : "FALSE"; }
  // Shortest digits that read back the same; always with a point or an exponent, so that
  // it reads back as a double.
  std::string operator()(double number) const {
    std::string text = fmt::format("{}", number);
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
    return text;
  }
};

std::string value_text(const Filter& filter, std::size_t index) {
  const std::string text = std::visit(ValueText{}, filter.values.at(index));
  return filter.exact ? "exact(" + text + ")" : text;
}

const char* symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal:
      return "=";
    case Comparison::not_equal:
      return "!=";
    case Comparison::less:
      return "<";
    case Comparison::less_equal:
      return "<=";
    case Comparison::greater:
      return ">";
    case Comparison::greater_equal:
      return ">=";
  }
  return "=";
}

// How tightly a formula's parts hold together.
int precedence(const Formula& formula) {
  switch (formula.kind) {
    case Formula::Kind::add:
    case Formula::Kind::subtract:
      return 1;
    case Formula::Kind::multiply:
    case Formula::Kind::divide:
      return 2;
    default:
      return 3;
  }
}

std::string formula_text(const Formula& formula) {
  const auto operand = [&](std::size_t index, bool wrap) {
    const std::string text = formula_text(*formula.operands.at(index));
    return wrap ? "(" + text + ")" : text;
  };
  const auto binary = [&](const char* sign) {
    const int own = precedence(formula);
    return operand(0, precedence(*formula.operands.at(0)) < own) + sign +
           operand(1, precedence(*formula.operands.at(1)) <= own);
  };
  switch (formula.kind) {
    case Formula::Kind::number:
      return std::visit(ValueText{}, formula.number);
    case Formula::Kind::field:
      return formula.field;
    case Formula::Kind::negate:  // -(5) is no number, and -- would begin a comment
      return "-" + operand(0, formula.operands.at(0)->kind != Formula::Kind::field);
    case Formula::Kind::add:
      return binary(" + ");
    case Formula::Kind::subtract:
      return binary(" - ");
    case Formula::Kind::multiply:
      return binary(" * ");
    case Formula::Kind::divide:
      return binary(" / ");
  }
  return {};
}

std::string list_text(const Filter& filter, std::size_t first) {
  std::string text = filter.negated ? " NOT IN (" : " IN (";
  for (std::size_t i = first; i < filter.values.size(); ++i) {
    if (i > first) text += ", ";
    text += value_text(filter, i);
  }
  return text + ")";
}

std::string split_text(const Filter& filter) {
  const std::string head = "split(" + value_text(filter, 0) + ")";
  if (filter.values.size() == 1) return head + (filter.negated ? " IS NOT NULL" : " IS NULL");
  if (filter.values.size() == 2 && !filter.negated) {
    return fmt::format("{} {} {}", head, symbol(filter.comparison), value_text(filter, 1));
  }
  return head + list_text(filter, 1);
}

std::string leaf_text(const Filter& filter) {
  const char* maybe_not = filter.negated ? " NOT" : "";
  // What is asked, and what it is asked against: a field and values, or formulas.
  const std::string asked =
      filter.formulas.empty() ? filter.field : formula_text(*filter.formulas.front());
  const auto against = [&](std::size_t index) {
    return filter.formulas.empty() ? value_text(filter, index)
                                   : formula_text(*filter.formulas.at(index + 1));
  };
  switch (filter.kind) {
    case Kind::compare:
      return fmt::format("{} {} {}", asked, symbol(filter.comparison), against(0));
    case Kind::in:
      return asked + list_text(filter, 0);
    case Kind::like:
      return fmt::format("{}{} LIKE {}", filter.field, maybe_not, value_text(filter, 0)) +
             (filter.values.size() > 1 ? " ESCAPE " + value_text(filter, 1) : "");
    case Kind::between:
      return fmt::format("{}{} BETWEEN {} AND {}", asked, maybe_not, against(0), against(1));
    case Kind::is_null:
      return fmt::format("{} IS{} NULL", asked, maybe_not);
    case Kind::flag:
      return filter.field;
    case Kind::absent:
      return "absent(" + value_text(filter, 0) + ")";
    case Kind::unknown:
      return "unknown(" + value_text(filter, 0) + ")";
    case Kind::split_side:
      return split_text(filter);
    default:
      return "TRUE";
  }
}

std::string node_text(const Filter& filter);

// A child of AND, OR or NOT: in parentheses when it is AND or OR itself.
std::string child_text(const Filter& child, Kind parent) {
  const bool wrap = child.kind == Kind::logical_or ||
                    (child.kind == Kind::logical_and && parent != Kind::logical_or);
  return wrap ? "(" + node_text(child) + ")" : node_text(child);
}

std::string node_text(const Filter& filter) {
  switch (filter.kind) {
    case Kind::logical_and:
    case Kind::logical_or: {
      const bool both = filter.kind == Kind::logical_and;
      if (filter.children.empty()) return both ? "TRUE" : "FALSE";
      if (filter.children.size() == 1) return node_text(*filter.children.front());
      std::string text;
      for (const FilterPtr& child : filter.children) {
        if (!text.empty()) text += both ? " AND " : " OR ";
        text += child_text(*child, filter.kind);
      }
      return text;
    }
    case Kind::logical_not:
      return "NOT " + child_text(*filter.children.at(0), filter.kind);
    case Kind::mask:
      return "mask(" + node_text(*filter.children.at(0)) + ")";
    default:
      return leaf_text(filter);
  }
}

}  // namespace

std::string to_text(const Formula& formula) { return formula_text(formula); }

std::string to_text(const Filter& filter) {
  return filter.kind == Kind::all ? std::string() : node_text(filter);
}

}  // namespace slicebank
