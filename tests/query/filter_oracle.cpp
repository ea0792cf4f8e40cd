#include "tests/query/filter_oracle.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace slicebank::testing {
namespace {

using Kind = Filter::Kind;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// SQL's LIKE over ASCII. `escape` is empty or one character.
bool like(const std::string& text, std::size_t at, const std::string& pattern, std::size_t place,
          const std::string& escape) {
  if (place == pattern.size()) return at == text.size();
  const char c = pattern[place];
  if (!escape.empty() && c == escape.front()) {
    return at < text.size() && lower(text[at]) == lower(pattern.at(place + 1)) &&
           like(text, at + 1, pattern, place + 2, escape);
  }
  if (c == '%') {
    for (std::size_t next = at; next <= text.size(); ++next) {
      if (like(text, next, pattern, place + 1, escape)) return true;
    }
    return false;
  }
  return at < text.size() && (c == '_' || lower(c) == lower(text[at])) &&
         like(text, at + 1, pattern, place + 1, escape);
}

double number(const FilterValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  return std::get<double>(value);
}

int order(const FilterValue& a, const FilterValue& b) {
  if (std::holds_alternative<std::string>(a)) {
    const int compared = std::get<std::string>(a).compare(std::get<std::string>(b));
    return compared < 0 ? -1 : compared > 0 ? 1 : 0;
  }
  return number(a) < number(b) ? -1 : number(a) > number(b) ? 1 : 0;
}

bool is_of_masks(const std::string& field) {
  static const std::vector<std::string> of_masks = {"area",      "area_fraction",
                                                    "instance",  "touches_border",
                                                    "box_width", "box_height",
                                                    "x0",        "y0",
                                                    "x1",        "y1"};
  return std::find(of_masks.begin(), of_masks.end(), field) != of_masks.end();
}

bool is_about_mask(const Formula& formula) {
  return is_of_masks(formula.field) ||
         std::any_of(formula.operands.begin(), formula.operands.end(),
                     [](const FormulaPtr& operand) { return is_about_mask(*operand); });
}

std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }

}  // namespace

std::vector<FilterOracle::Finding> FilterOracle::findings(const SampleFacts& sample,
                                                          bool with_labels) const {
  std::vector<Finding> all;
  for (const MaskFacts& mask : sample.masks) {
    all.push_back({taxonomy_.find_class(mask.raw_class).value(), mask.raw_class, true, mask});
  }
  if (!with_labels) return all;
  for (const LabelFacts& label : sample.labels) {
    if (!(label.value > 0)) continue;
    all.push_back({taxonomy_.find_class(label.raw_class).value(), label.raw_class, false, {}});
  }
  return all;
}

FilterOracle::Values FilterOracle::sample_values(const std::string& field,
                                                 const SampleFacts& sample) const {
  const auto text = [](const std::string& word) {
    return word.empty() ? Values{} : Values{FilterValue(word)};
  };
  if (field == "modality") return text(sample.modality);
  if (field == "sequence") return text(sample.sequence);
  if (field == "dataset") return text(sample.dataset);
  if (field == "patient") return text(sample.patient);
  if (field == "volume") return text(sample.volume);
  if (field == "official_split") return text(sample.official_split);
  if (field == "name") return {FilterValue(sample.name)};
  if (field == "axis") return {FilterValue(std::string(axis_name(sample.axis)))};
  if (field == "pixel_type") return {FilterValue(std::string(pixel_type_name(sample.pixel_type)))};
  if (field == "subject") return {FilterValue(whole(sample.subject))};
  if (field == "id") return {FilterValue(whole(raw(sample.id)))};
  if (field == "slice") return {FilterValue(whole(sample.slice))};
  if (field == "width") return {FilterValue(whole(sample.width))};
  if (field == "height") return {FilterValue(whole(sample.height))};
  if (field == "channels") return {FilterValue(whole(sample.channels))};
  if (field == "masks") return {FilterValue(whole(sample.masks.size()))};
  if (field == "labels") return {FilterValue(whole(sample.labels.size()))};
  if (field.rfind("spacing_", 0) == 0) {
    if (!sample.spacing) return {};
    return {FilterValue((*sample.spacing)[static_cast<std::size_t>(field.back() - 'x')])};
  }
  // region
  if (!sample.region.empty()) return text(sample.region);
  Values regions;
  for (const Finding& finding : findings(sample, true)) {
    const RegionInfo* region = taxonomy_.region(taxonomy_.class_info(finding.class_id)->region);
    if (region != nullptr) regions.emplace_back(region->name);
  }
  return regions;
}

FilterOracle::Values FilterOracle::finding_values(const std::string& field, const Finding& finding,
                                                  const SampleFacts& sample) const {
  const ClassInfo& info = *taxonomy_.class_info(finding.class_id);
  const std::uint64_t width = finding.mask.x1 - finding.mask.x0;
  const std::uint64_t height = finding.mask.y1 - finding.mask.y0;
  const bool empty = width == 0 || height == 0;
  const std::uint64_t area = width * height;
  if (field == "class") return {FilterValue(info.name)};
  if (field == "raw_class") return {FilterValue(finding.raw_class)};
  if (field == "lesion") return {FilterValue(info.lesion)};
  if (field == "side") {
    if (info.side == Side::none) return {};
    return {FilterValue(std::string(info.side == Side::left ? "left" : "right"))};
  }
  if (field == "class_region") {
    const RegionInfo* region = taxonomy_.region(info.region);
    return region == nullptr ? Values{} : Values{FilterValue(region->name)};
  }
  if (field == "area") return {FilterValue(whole(area))};
  if (field == "area_fraction") {
    return {FilterValue(static_cast<double>(area) /
                        (static_cast<double>(sample.width) * sample.height))};
  }
  if (field == "instance") return {FilterValue(whole(finding.mask.instance))};
  if (field == "x0") return {FilterValue(whole(empty ? 0 : finding.mask.x0))};
  if (field == "y0") return {FilterValue(whole(empty ? 0 : finding.mask.y0))};
  if (field == "x1") return {FilterValue(whole(empty ? 0 : finding.mask.x1))};
  if (field == "y1") return {FilterValue(whole(empty ? 0 : finding.mask.y1))};
  if (field == "box_width") return {FilterValue(whole(empty ? 0 : width))};
  if (field == "box_height") return {FilterValue(whole(empty ? 0 : height))};
  const bool touches =
      !empty && (finding.mask.x0 == 0 || finding.mask.y0 == 0 || finding.mask.x1 == sample.width ||
                 finding.mask.y1 == sample.height);
  return {FilterValue(touches)};
}

bool FilterOracle::equals(const Filter& leaf, const FilterValue& value,
                          const FilterValue& wanted) const {
  if (leaf.field == "class") {
    const ClassId asked = taxonomy_.find_class(std::get<std::string>(wanted)).value();
    const ClassId there = taxonomy_.find_class(std::get<std::string>(value)).value();
    if (leaf.exact) return asked == there;
    const auto above = taxonomy_.ancestors(there);
    return std::find(above.begin(), above.end(), asked) != above.end();
  }
  if (leaf.field == "modality") {
    return taxonomy_.find_modality(std::get<std::string>(wanted)).value().modality ==
           taxonomy_.find_modality(std::get<std::string>(value)).value().modality;
  }
  if (leaf.field == "region" || leaf.field == "class_region") {
    return taxonomy_.find_region(std::get<std::string>(wanted)) ==
           taxonomy_.find_region(std::get<std::string>(value));
  }
  return order(value, wanted) == 0;
}

bool FilterOracle::holds(const Filter& leaf, const FilterValue& value) const {
  const auto& wanted = leaf.values;
  switch (leaf.kind) {
    case Kind::compare:
      switch (leaf.comparison) {
        case Comparison::equal:
          return equals(leaf, value, wanted[0]);
        case Comparison::not_equal:
          return !equals(leaf, value, wanted[0]);
        case Comparison::less:
          return order(value, wanted[0]) < 0;
        case Comparison::less_equal:
          return order(value, wanted[0]) <= 0;
        case Comparison::greater:
          return order(value, wanted[0]) > 0;
        case Comparison::greater_equal:
          return order(value, wanted[0]) >= 0;
      }
      return false;
    case Kind::in:
      return leaf.negated !=
             std::any_of(wanted.begin(), wanted.end(),
                         [&](const FilterValue& each) { return equals(leaf, value, each); });
    case Kind::like: {
      const std::string escape = wanted.size() > 1 ? std::get<std::string>(wanted[1]) : "";
      return leaf.negated !=
             like(std::get<std::string>(value), 0, std::get<std::string>(wanted[0]), 0, escape);
    }
    case Kind::between:
      return leaf.negated != (order(value, wanted[0]) >= 0 && order(value, wanted[1]) <= 0);
    case Kind::flag:
      return std::get<bool>(value);
    default:
      return false;
  }
}

std::optional<double> FilterOracle::calculated(const Formula& formula, const Finding* finding,
                                               const SampleFacts& sample) const {
  if (formula.kind == Formula::Kind::number) return number(formula.number);
  if (formula.kind == Formula::Kind::field) {
    const Values values = is_of_masks(formula.field)
                              ? finding_values(formula.field, *finding, sample)
                              : sample_values(formula.field, sample);
    if (values.empty()) return std::nullopt;
    return number(values.front());
  }
  const auto a = calculated(*formula.operands[0], finding, sample);
  if (!a) return std::nullopt;
  if (formula.kind == Formula::Kind::negate) return -*a;
  const auto b = calculated(*formula.operands[1], finding, sample);
  if (!b || (formula.kind == Formula::Kind::divide && *b == 0)) return std::nullopt;
  const double result = formula.kind == Formula::Kind::add        ? *a + *b
                        : formula.kind == Formula::Kind::subtract ? *a - *b
                        : formula.kind == Formula::Kind::multiply ? *a * *b
                                                                  : *a / *b;
  if (std::isnan(result)) return std::nullopt;
  return result;
}

// A leaf about something calculated: the leaf of a field with those values.
bool FilterOracle::calculated_holds(const Filter& leaf, const Finding* finding,
                                    const SampleFacts& sample) const {
  Filter plain = leaf;
  plain.formulas.clear();
  std::vector<double> numbers;
  for (const FormulaPtr& formula : leaf.formulas) {
    const auto value = calculated(*formula, finding, sample);
    if (leaf.kind == Kind::is_null) return leaf.negated == value.has_value();
    if (!value) return false;
    numbers.push_back(*value);
  }
  for (std::size_t i = 1; i < numbers.size(); ++i) plain.values.emplace_back(numbers[i]);
  return holds(plain, FilterValue(numbers.front()));
}

bool FilterOracle::leaf_holds(const Filter& leaf, const Values& values) const {
  if (leaf.kind == Kind::is_null) return leaf.negated != values.empty();
  return std::any_of(values.begin(), values.end(),
                     [&](const FilterValue& value) { return holds(leaf, value); });
}

bool FilterOracle::mask_matches(const Filter& filter, const Finding& finding,
                                const SampleFacts& sample) const {
  switch (filter.kind) {
    case Kind::all:
      return true;
    case Kind::logical_and:
      return std::all_of(filter.children.begin(), filter.children.end(),
                         [&](const auto& child) { return mask_matches(*child, finding, sample); });
    case Kind::logical_or:
      return std::any_of(filter.children.begin(), filter.children.end(),
                         [&](const auto& child) { return mask_matches(*child, finding, sample); });
    case Kind::logical_not:
      return !mask_matches(*filter.children[0], finding, sample);
    default:
      if (!filter.formulas.empty()) return calculated_holds(filter, &finding, sample);
      return leaf_holds(filter, finding_values(filter.field, finding, sample));
  }
}

bool FilterOracle::present(ClassId id, const SampleFacts& sample) const {
  for (const Finding& finding : findings(sample, true)) {
    const auto above = taxonomy_.ancestors(finding.class_id);
    if (std::find(above.begin(), above.end(), id) != above.end()) return true;
  }
  return false;
}

bool FilterOracle::looked_for_itself(ClassId id, const SampleFacts& sample) const {
  for (const std::string& name : sample.coverage) {
    if (taxonomy_.find_class(name) == id) return true;
  }
  for (const LabelFacts& label : sample.labels) {
    if (taxonomy_.find_class(label.raw_class) == id && label.value == 0) return true;
  }
  return false;
}

bool FilterOracle::looked_for(ClassId id, const SampleFacts& sample, int levels) const {
  if (looked_for_itself(id, sample)) return true;
  if (levels == 0) return false;
  std::vector<ClassId> children;
  std::vector<ClassId> sides;
  for (const ClassInfo& info : taxonomy_.classes()) {
    if (std::find(info.parents.begin(), info.parents.end(), id) == info.parents.end()) continue;
    children.push_back(info.id);
    if (info.side != Side::none && info.base == taxonomy_.class_info(id)->name) {
      sides.push_back(info.id);
    }
  }
  const auto all = [&](const std::vector<ClassId>& parts) {
    return parts.size() >= 2 && std::all_of(parts.begin(), parts.end(), [&](ClassId part) {
             return looked_for(part, sample, levels - 1);
           });
  };
  const auto& wholes = taxonomy_.class_info(id)->made_of;
  return all(sides) || all(children) || std::any_of(wholes.begin(), wholes.end(), all);
}

bool FilterOracle::absent(ClassId id, const SampleFacts& sample) const {
  if (present(id, sample)) return false;
  if (looked_for(id, sample, 2)) return true;
  for (const ClassId above : taxonomy_.ancestors(id)) {
    if (above != id && !present(above, sample) && looked_for_itself(above, sample)) return true;
  }
  return false;
}

// Outside mask(...): of the sample, or of some mask.
bool FilterOracle::calculation_matches(const Filter& leaf, const SampleFacts& sample) const {
  if (std::none_of(leaf.formulas.begin(), leaf.formulas.end(),
                   [](const FormulaPtr& formula) { return is_about_mask(*formula); })) {
    return calculated_holds(leaf, nullptr, sample);
  }
  const auto masks = findings(sample, false);
  return std::any_of(masks.begin(), masks.end(), [&](const Finding& finding) {
    return calculated_holds(leaf, &finding, sample);
  });
}

bool FilterOracle::matches(const Filter& filter, const SampleFacts& sample) const {
  switch (filter.kind) {
    case Kind::all:
      return true;
    case Kind::logical_and:
      return std::all_of(filter.children.begin(), filter.children.end(),
                         [&](const auto& child) { return matches(*child, sample); });
    case Kind::logical_or:
      return std::any_of(filter.children.begin(), filter.children.end(),
                         [&](const auto& child) { return matches(*child, sample); });
    case Kind::logical_not:
      return !matches(*filter.children[0], sample);
    case Kind::mask: {
      const auto masks = findings(sample, false);
      return std::any_of(masks.begin(), masks.end(), [&](const Finding& finding) {
        return mask_matches(*filter.children[0], finding, sample);
      });
    }
    case Kind::absent:
    case Kind::unknown: {
      const ClassId id = taxonomy_.find_class(std::get<std::string>(filter.values[0])).value();
      if (filter.kind == Kind::absent) return absent(id, sample);
      return !present(id, sample) && !absent(id, sample);
    }
    case Kind::split_side: {
      const auto& sides = splits_.at(std::get<std::string>(filter.values[0]));
      const auto side = sides.find(raw(sample.id));
      if (filter.values.size() == 1) return filter.negated == (side != sides.end());
      if (side == sides.end()) return false;
      const bool named =
          std::any_of(filter.values.begin() + 1, filter.values.end(),
                      [&](const FilterValue& value) { return value == FilterValue(side->second); });
      return named != (filter.negated || filter.comparison == Comparison::not_equal);
    }
    default:
      break;
  }
  if (!filter.formulas.empty()) return calculation_matches(filter, sample);
  static const std::vector<std::string> of_findings = {"class", "raw_class", "class_region", "side",
                                                       "lesion"};
  const bool of_mask = is_of_masks(filter.field);
  const bool of_finding =
      std::find(of_findings.begin(), of_findings.end(), filter.field) != of_findings.end();
  if (!of_mask && !of_finding) return leaf_holds(filter, sample_values(filter.field, sample));
  const auto all = findings(sample, of_finding);
  return std::any_of(all.begin(), all.end(), [&](const Finding& finding) {
    return leaf_holds(filter, finding_values(filter.field, finding, sample));
  });
}

}  // namespace slicebank::testing
