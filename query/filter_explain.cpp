#include "query/filter_explain.h"

#include <fmt/format.h>

#include <cstddef>
#include <memory>
#include <variant>

#include "query/filter_sql.h"
#include "query/internal/bank_names.h"
#include "query/internal/facet_plan.h"
#include "query/internal/filter_shape.h"
#include "query/internal/normal_form.h"
#include "store/select.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

constexpr std::size_t kValuesShown = 40;

void draw(const Filter& filter, std::size_t level, std::string* text) {
  text->append(2 * level, ' ');
  switch (filter.kind) {
    case Kind::logical_and:
      *text += "AND";
      break;
    case Kind::logical_or:
      *text += "OR";
      break;
    case Kind::logical_not:
      *text += "NOT";
      break;
    case Kind::mask:
      *text += "mask: of one and the same mask";
      break;
    case Kind::all:
      *text += "TRUE";
      break;
    default:
      *text += to_text(filter);
  }
  *text += '\n';
  for (const FilterPtr& child : filter.children) draw(*child, level + 1, text);
}

struct ValueText {
  std::string operator()(std::monostate) const { return "NULL"; }
  std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
  std::string operator()(double number) const { return fmt::format("{}", number); }
  std::string operator()(const std::string& word) const { return fmt::format("'{}'", word); }
};

std::string indented(const std::string& lines) {
  std::string text = "  ";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i] == '\n' && i + 1 == lines.size()) break;
    text += lines[i];
    if (lines[i] == '\n') text += "  ";
  }
  return text + "\n";
}

// What the facets settle, condition by condition of the outermost AND.
std::string facets_text(const Bank& bank, const Filter& filter, const FilterNames& names,
                        const std::string& filter_text) {
  const auto facets = Facets::of(bank);
  if (!facets) return "the index has none: every condition is searched for in its rows";
  try {
    FacetPlan plan(bank, *facets, names, filter_text);
    std::string text;
    for (const FilterPtr& operand :
         operands_of(std::make_shared<Filter>(filter), Kind::logical_and)) {
      const FacetAnswer answer = plan.answer(*operand);
      text += fmt::format("{} {} samples: {}\n", answer.exact ? "exactly" : "at most",
                          answer.ids->size(), to_text(*operand));
    }
    const FacetAnswer all = plan.answer(filter);
    return text + fmt::format("together {} {}{}", all.exact ? "exactly" : "at most",
                              all.ids->size(), all.exact ? "" : ", which rows have to tell apart");
  } catch (const FacetsOutdated&) {
    return "a commit came in between: ask again";
  }
}

}  // namespace

std::string tree_text(const Filter& filter) {
  std::string text;
  draw(filter, 0, &text);
  return text;
}

FilterExplanation explain_parts(const Bank& bank, std::string_view filter_text) {
  const FilterPtr filter = parse_filter(filter_text);
  const BankNames loaded = load_names(bank);
  const FilterSql sql = to_sql(*filter, loaded.names, std::string(filter_text));
  const auto shown = [](const Filter& part) {
    const std::string text = to_text(part);
    return text.empty() ? std::string("TRUE") : text;
  };
  FilterExplanation explanation;
  explanation.text = shown(*filter);
  explanation.tree = tree_text(*filter);
  explanation.normal = shown(*normal_form(*filter));
  explanation.facets = facets_text(bank, *filter, loaded.names, std::string(filter_text));
  explanation.ids = sql.ids;
  for (const SqlValue& value : sql.ids_values) {
    explanation.ids_values.push_back(std::visit(ValueText{}, value));
  }
  explanation.plan = explain(bank, sql.ids, sql.ids_values);
  explanation.count = sql.count;
  return explanation;
}

std::string explain_filter(const Bank& bank, std::string_view filter_text) {
  const FilterExplanation parts = explain_parts(bank, filter_text);
  std::string text = "filter\n" + indented(parts.text) + "tree\n" + indented(parts.tree);
  if (parts.normal != parts.text) text += "as it is compiled\n" + indented(parts.normal);
  text += "by facets\n" + indented(parts.facets);
  text += "SQL of the ids\n" + indented(parts.ids);
  if (!parts.ids_values.empty()) {
    std::string values;
    for (std::size_t i = 0; i < parts.ids_values.size() && i < kValuesShown; ++i) {
      values += fmt::format("{}{}", i == 0 ? "" : ", ", parts.ids_values[i]);
    }
    if (parts.ids_values.size() > kValuesShown) {
      values += fmt::format(", and {} more", parts.ids_values.size() - kValuesShown);
    }
    text += "its values\n" + indented(values);
  }
  text += "SQLite's plan\n" + indented(parts.plan);
  return text + "count\n" +
         indented(parts.count.empty() ? "of the ids that are found" : parts.count);
}

}  // namespace slicebank
