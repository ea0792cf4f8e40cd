#include "query/internal/filter_shape.h"

#include <algorithm>

#include "query/internal/filter_fields.h"
#include "query/internal/formula.h"
#include "query/internal/mask_sql.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

constexpr std::size_t kFacetValuesMax = 64;

bool is_finding_leaf(const Filter& filter) {
  if (!filter.formulas.empty()) {
    return std::any_of(filter.formulas.begin(), filter.formulas.end(),
                       [](const FormulaPtr& formula) { return is_about_mask(*formula); });
  }
  const Field* field = filter.field.empty() ? nullptr : find_field(filter.field);
  return field != nullptr && field->place != FieldPlace::sample;
}

void collect_operands(const FilterPtr& filter, Kind kind, std::vector<FilterPtr>* operands) {
  const FilterPtr* at = &filter;
  while ((*at)->kind == Kind::logical_not && (*at)->children.front()->kind == Kind::logical_not) {
    at = &(*at)->children.front()->children.front();
  }
  const bool one_operand = ((*at)->kind == Kind::logical_and || (*at)->kind == Kind::logical_or) &&
                           (*at)->children.size() == 1;
  if ((*at)->kind == kind || one_operand) {
    for (const FilterPtr& child : (*at)->children) collect_operands(child, kind, operands);
  } else {
    operands->push_back(*at);
  }
}

}  // namespace

std::size_t count_terms(const Filter& filter) {
  std::size_t terms = 1 + filter.values.size();
  for (const FilterPtr& child : filter.children) terms += count_terms(*child);
  for (const FormulaPtr& formula : filter.formulas) terms += count_terms(*formula);
  return terms;
}

bool is_finding(const Filter& filter) {
  return filter.kind == Kind::mask || is_finding_leaf(filter);
}

bool about_labels_too(const Filter& filter) {
  return filter.kind != Kind::mask && filter.formulas.empty() &&
         find_field(filter.field)->place == FieldPlace::finding;
}

bool searches_classes(const Filter& filter) {
  if (filter.kind == Kind::mask) return searches_classes(*filter.children.front());
  if (filter.kind == Kind::logical_and) {
    return std::any_of(filter.children.begin(), filter.children.end(),
                       [](const FilterPtr& child) { return searches_classes(*child); });
  }
  return !filter.field.empty() && narrows_classes(filter);
}

const Filter* named_classes(const Filter& filter) {
  if (filter.field == "class") return is_positive_equality(filter) ? &filter : nullptr;
  if (filter.kind == Kind::mask) return named_classes(*filter.children.front());
  if (filter.kind != Kind::logical_and) return nullptr;
  for (const FilterPtr& child : filter.children) {
    if (const Filter* named = named_classes(*child)) return named;
  }
  return nullptr;
}

bool is_facet(const Filter& filter) {
  return (filter.field == "modality" || filter.field == "dataset") &&
         is_positive_equality(filter) && filter.values.size() <= kFacetValuesMax;
}

bool leaves_very_few(const Filter& filter) {
  return (filter.field == "patient" || filter.field == "subject" || filter.field == "id" ||
          filter.field == "volume") &&
         is_positive_equality(filter);
}

std::vector<FilterPtr> operands_of(const FilterPtr& filter, Filter::Kind kind) {
  std::vector<FilterPtr> operands;
  collect_operands(filter, kind, &operands);
  return operands;
}

std::vector<FilterPtr> operands_of(const Filter& filter) {
  std::vector<FilterPtr> operands;
  for (const FilterPtr& child : filter.children) collect_operands(child, filter.kind, &operands);
  return operands;
}

}  // namespace slicebank
