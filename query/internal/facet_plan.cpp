#include "query/internal/facet_plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <utility>

#include "query/internal/filter_fields.h"
#include "query/internal/filter_shape.h"
#include "query/internal/mask_sql.h"
#include "query/internal/sample_sql.h"
#include "query/internal/sql_piece.h"
#include "store/select.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

constexpr std::size_t kSubjectSetsMax = 64;  // joined one by one; above it, in one pass

IdSetPtr made(IdSet set) { return std::make_shared<const IdSet>(std::move(set)); }

IdSetPtr minus(const IdSetPtr& left, const IdSetPtr& right) {
  IdSet result = *left;
  return made(std::move(result -= *right));
}

IdSetPtr both(const IdSetPtr& left, const IdSetPtr& right) {
  return made(IdSet::common(*left, *right));
}

IdSetPtr either(const IdSetPtr& left, const IdSetPtr& right) {
  IdSet result = *left;
  return made(std::move(result |= *right));
}

std::optional<double> number_of(const FilterValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::nullopt;
}

// How the fraction of every mask of a bin compares with a number: -1, 0, 1, or nothing
// where the bin has masks on both sides.
std::optional<int> compare_bin(unsigned bin, double wanted) {
  const auto edge_at = [](std::size_t i) { return kAreaEdgesPpm[i] / 1e6; };
  const std::size_t edge = bin / 2;
  if (bin % 2 == 1) {
    const double exact = edge_at(edge);
    return exact < wanted ? -1 : exact > wanted ? 1 : 0;
  }
  // Above the edge before it, below its own.
  if (edge < kAreaEdgesPpm.size() && edge_at(edge) <= wanted) return -1;
  if (edge == 0 || edge_at(edge - 1) >= wanted) return 1;
  return std::nullopt;
}

// The same for an area in pixels: only what is empty and what is not is known.
std::optional<int> compare_area(unsigned bin, double wanted) {
  constexpr unsigned kEmpty = 1;
  if (bin == kEmpty) return 0 < wanted ? -1 : 0 > wanted ? 1 : 0;
  if (wanted < 1) return 1;
  return std::nullopt;
}

}  // namespace

// --- Trees

FacetAnswer FacetPlan::answer(const Filter& filter) {
  switch (filter.kind) {
    case Kind::all:
      return {everything(), true};
    case Kind::logical_and:
      return conjunction(operands_of(filter), nullptr);
    case Kind::logical_or:
      return disjunction(filter);
    case Kind::logical_not: {
      const Filter& negated = *filter.children.front();
      if (negated.kind == Kind::logical_not) return answer(*negated.children.front());
      const FacetAnswer inner = answer(negated);
      return inner.exact ? FacetAnswer{minus(everything(), inner.ids), true} : bound();
    }
    case Kind::absent:
    case Kind::unknown:
      return presence(filter);
    case Kind::split_side:
      return split_side(filter);
    default:
      return is_finding(filter) ? finding(filter) : field(filter);
  }
}

FacetAnswer FacetPlan::answer(const Filter& filter, std::vector<FilterPtr>* open) {
  return conjunction(operands_of(std::make_shared<Filter>(filter), Kind::logical_and), open);
}

FacetAnswer FacetPlan::conjunction(const std::vector<FilterPtr>& operands,
                                   std::vector<FilterPtr>* open) {
  FacetAnswer result{nullptr, true};
  for (const FilterPtr& operand : operands) {
    const FacetAnswer part = answer(*operand);
    if (!part.exact && open != nullptr) open->push_back(operand);
    result.exact = result.exact && part.exact;
    result.ids = result.ids ? both(result.ids, part.ids) : part.ids;
  }
  if (!result.ids) result.ids = everything();
  // Nothing is left to find, whatever the rest says.
  if (result.ids->empty()) result.exact = true;
  return result;
}

FacetAnswer FacetPlan::disjunction(const Filter& filter) {
  std::vector<IdSetPtr> parts;
  bool exact = true;
  for (const FilterPtr& operand : operands_of(filter)) {
    const FacetAnswer part = answer(*operand);
    exact = exact && part.exact;
    parts.push_back(part.ids);
  }
  std::vector<const IdSet*> sets;
  for (const IdSetPtr& part : parts) sets.push_back(part.get());
  return {made(IdSet::united(sets)), exact};
}

// --- Fields of the sample

FacetAnswer FacetPlan::field(const Filter& leaf) {
  if (!leaf.formulas.empty()) return bound();
  const auto rows_with = [&](FacetKind kind, const std::string& rows, const SqlPiece& condition) {
    return FacetAnswer{united(kind, codes(rows, condition)), true};
  };
  const std::string& field = leaf.field;
  if (field == "modality") {
    return rows_with(FacetKind::modality,
                     "SELECT s.modality_id FROM (SELECT 0 AS modality_id UNION ALL "
                     "SELECT id FROM _modality) s WHERE ",
                     field_sql(leaf, {}, names_));
  }
  if (field == "dataset") {
    return rows_with(FacetKind::dataset,
                     "SELECT s.dataset_id FROM (SELECT id AS dataset_id FROM _dataset) s WHERE ",
                     field_sql(leaf, {}, names_));
  }
  if (field == "axis") {
    return rows_with(FacetKind::axis,
                     "SELECT s.axis FROM (SELECT 1 AS axis UNION ALL SELECT 2 UNION ALL SELECT 3 "
                     "UNION ALL SELECT 4) s WHERE ",
                     field_sql(leaf, {}, names_));
  }
  if (field == "sequence") {
    return rows_with(
        FacetKind::sequence,
        "SELECT v.sequence_id FROM (SELECT 0 AS sequence_id UNION ALL SELECT id FROM _sequence) v "
        "WHERE ",
        sql_coded("v.sequence_id", "_sequence", leaf, [&](std::size_t i) {
          std::vector<SqlValue> values;
          for (const SequenceId id : names_.sequences(leaf, i)) {
            values.emplace_back(std::int64_t{raw(id)});
          }
          return values;
        }));
  }
  if (field == "official_split") {
    return rows_with(FacetKind::official_split,
                     "SELECT v.value FROM (SELECT 0 AS value, NULL AS name UNION ALL "
                     "SELECT value, name FROM _official_split) v WHERE ",
                     sql_condition("v.name", leaf));
  }
  if (field == "patient" || field == "subject") {
    return {of_subjects(codes("SELECT s.subject_id FROM (SELECT id AS subject_id FROM _subject) s "
                              "WHERE ",
                              field_sql(leaf, {}, names_))),
            true};
  }
  if (field == "region") return region(leaf);
  return bound();
}

FacetAnswer FacetPlan::region(const Filter& leaf) {
  const bool asks_none = leaf.kind == Kind::is_null && !leaf.negated;
  const auto condition = [&](const std::string& column) {
    if (asks_none) return SqlPiece(column + " != 0");
    return sql_coded(column, "_region", leaf, [&](std::size_t i) {
      return std::vector<SqlValue>{std::int64_t{raw(names_.region(leaf, i))}};
    });
  };
  const IdSetPtr by_dataset = united(
      FacetKind::dataset,
      codes("SELECT d.id FROM _dataset d WHERE d.region_id != 0 AND ", condition("d.region_id")));
  const IdSetPtr nameless = united(
      FacetKind::dataset, codes("SELECT d.id FROM _dataset d WHERE ", SqlPiece("d.region_id = 0")));
  const IdSetPtr by_class = of_classes(
      codes("SELECT c.id FROM _class c WHERE c.region_id != 0 AND ", condition("c.region_id")));
  const IdSetPtr found = either(by_dataset, both(nameless, by_class));
  return {asks_none ? minus(everything(), found) : found, true};
}

// --- Masks and labels

FacetAnswer FacetPlan::finding(const Filter& filter) {
  if (filter.kind == Kind::mask) return cells(*filter.children.front());
  if (!filter.formulas.empty()) return bound();
  const Field* field = find_field(filter.field);
  if (field == nullptr) return bound();
  if (field->place == FieldPlace::mask) return cells(filter);
  return class_finding(filter);
}

FacetAnswer FacetPlan::class_finding(const Filter& leaf) {
  if (leaf.field == "raw_class") return bound();
  std::vector<std::int64_t> values;
  for (const ClassId id : classes_of(leaf)) values.push_back(raw(id));
  return {of_classes(values), true};
}

FacetAnswer FacetPlan::cells(const Filter& condition) {
  std::vector<std::int64_t> found;
  bool exact = true;
  for (const FacetCount& each : *facets_.values(FacetKind::mask_cell)) {
    const Holds known = holds(condition, mask_cell_of(each.value));
    if (known == Holds::no) continue;
    if (known == Holds::maybe) exact = false;
    found.push_back(each.value);
  }
  return {united(FacetKind::mask_cell, found), exact};
}

FacetPlan::Holds FacetPlan::holds(const Filter& condition, const MaskCell& cell) {
  switch (condition.kind) {
    case Kind::all:
      return Holds::yes;
    case Kind::logical_and: {
      Holds result = Holds::yes;
      for (const FilterPtr& child : condition.children) {
        const Holds part = holds(*child, cell);
        if (part == Holds::no) return part;
        if (part == Holds::maybe) result = part;
      }
      return result;
    }
    case Kind::logical_or: {
      Holds result = Holds::no;
      for (const FilterPtr& child : condition.children) {
        const Holds part = holds(*child, cell);
        if (part == Holds::yes) return part;
        if (part == Holds::maybe) result = part;
      }
      return result;
    }
    case Kind::logical_not: {
      const Holds inner = holds(*condition.children.front(), cell);
      return inner == Holds::maybe ? inner : inner == Holds::yes ? Holds::no : Holds::yes;
    }
    default:
      return leaf_holds(condition, cell);
  }
}

FacetPlan::Holds FacetPlan::leaf_holds(const Filter& leaf, const MaskCell& cell) {
  if (!leaf.formulas.empty()) return Holds::maybe;
  const auto known = [](bool value) { return value ? Holds::yes : Holds::no; };
  if (leaf.field == "class" || leaf.field == "class_region" || leaf.field == "side" ||
      leaf.field == "lesion") {
    const std::vector<ClassId>& classes = classes_of(leaf);
    return known(std::binary_search(classes.begin(), classes.end(), cell.class_id));
  }
  if (leaf.field == "touches_border" && leaf.kind == Kind::flag) return known(cell.touches_border);
  if (leaf.field != "area_fraction" && leaf.field != "area") return Holds::maybe;
  const auto side_of = [&](std::size_t i) -> std::optional<int> {
    const auto number = number_of(leaf.values[i]);
    if (!number || !std::isfinite(*number)) return std::nullopt;
    return leaf.field == "area" ? compare_area(cell.area_bin, *number)
                                : compare_bin(cell.area_bin, *number);
  };
  if (leaf.kind == Kind::compare) {
    const auto side = side_of(0);
    if (!side) return Holds::maybe;
    switch (leaf.comparison) {
      case Comparison::equal:
        return known(*side == 0);
      case Comparison::not_equal:
        return known(*side != 0);
      case Comparison::less:
        return known(*side < 0);
      case Comparison::less_equal:
        return known(*side <= 0);
      case Comparison::greater:
        return known(*side > 0);
      case Comparison::greater_equal:
        return known(*side >= 0);
    }
  }
  if (leaf.kind == Kind::between) {
    const auto low = side_of(0);
    const auto high = side_of(1);
    if (!low || !high) return Holds::maybe;
    return known((*low >= 0 && *high <= 0) != leaf.negated);
  }
  return Holds::maybe;
}

const std::vector<ClassId>& FacetPlan::classes_of(const Filter& leaf) {
  const auto known = classes_.find(&leaf);
  if (known != classes_.end()) return known->second;
  std::vector<ClassId> classes;
  for (const std::int64_t id :
       codes("SELECT k.class_id FROM (SELECT id AS class_id FROM _class) k WHERE ",
             mask_leaf_sql(leaf, names_))) {
    classes.push_back(ClassId{static_cast<std::uint32_t>(id)});
  }
  std::sort(classes.begin(), classes.end());
  return classes_.emplace(&leaf, std::move(classes)).first->second;
}

// --- Presence

FacetAnswer FacetPlan::presence(const Filter& filter) {
  const Taxonomy& taxonomy = names_.taxonomy();
  const ClassId asked = names_.class_id(filter, 0);
  IdSetPtr looked = looked_for(coverage_of(taxonomy, asked));
  for (const ClassId ancestor : taxonomy.ancestors(asked)) {
    if (ancestor == asked) continue;
    looked = either(looked, minus(looked_for(CoverageNeed{ancestor, {}}), present(ancestor)));
  }
  const IdSetPtr here = present(asked);
  if (filter.kind == Kind::absent) return {minus(looked, here), true};
  return {minus(minus(everything(), here), looked), true};
}

IdSetPtr FacetPlan::present(ClassId id) const {
  std::vector<std::int64_t> members;
  for (const ClassId member : names_.taxonomy().members(id)) members.push_back(raw(member));
  return of_classes(members);
}

IdSetPtr FacetPlan::looked_for(const CoverageNeed& need) const {
  SqlPiece condition("g.class_id = ");
  condition.bind(std::int64_t{raw(need.id)});
  IdSetPtr result = either(
      united(FacetKind::coverage, codes("SELECT g.id FROM _coverage_set g WHERE ", condition)),
      facets_.samples(FacetKind::zero_label, raw(need.id)));
  for (const std::vector<CoverageNeed>& parts : need.ways) {
    IdSetPtr all;
    for (const CoverageNeed& part : parts) {
      const IdSetPtr one = looked_for(part);
      all = all ? both(all, one) : one;
    }
    if (all) result = either(result, all);
  }
  return result;
}

FacetAnswer FacetPlan::split_side(const Filter& filter) {
  const auto& name = std::get<std::string>(filter.values[0]);
  SqlPiece condition("p.name = ");
  condition.bind(name);
  const bool any_side = filter.values.size() == 1;
  if (!any_side) {
    std::vector<SqlValue> sides;
    for (std::size_t i = 1; i < filter.values.size(); ++i) {
      sides.emplace_back(std::get<std::string>(filter.values[i]));
    }
    const bool inverted = filter.negated || filter.comparison == Comparison::not_equal;
    condition << (inverted ? " AND e.name NOT IN " : " AND e.name IN ");
    condition.bind_list(sides);
  }
  const IdSetPtr sides = united(FacetKind::split_side,
                                codes("SELECT p.id << 16 | e.side FROM _split p JOIN _split_side e "
                                      "ON e.split_id = p.id WHERE ",
                                      condition));
  const IdSetPtr here = both(everything(), sides);  // a split remembers what was deleted
  return {any_side && !filter.negated ? minus(everything(), here) : here, true};
}

// --- Sets

std::vector<std::int64_t> FacetPlan::codes(const std::string& sql,
                                           const SqlPiece& condition) const {
  std::vector<std::int64_t> found;
  for (Rows rows = select(bank_, sql + condition.sql, condition.values); rows.next();) {
    found.push_back(rows.integer(0));
  }
  return found;
}

IdSetPtr FacetPlan::united(FacetKind kind, const std::vector<std::int64_t>& values) const {
  if (values.size() == 1) return facets_.samples(kind, values.front());
  std::vector<IdSetPtr> owners;
  std::vector<const IdSet*> sets;
  for (const std::int64_t value : values) {
    owners.push_back(facets_.samples(kind, value));
    sets.push_back(owners.back().get());
  }
  return made(IdSet::united(sets));
}

IdSetPtr FacetPlan::of_subjects(const std::vector<std::int64_t>& subjects) const {
  if (subjects.size() <= kSubjectSetsMax) return united(FacetKind::subject, subjects);
  const auto subject_of = facets_.subjects();
  std::unordered_set<std::uint32_t> wanted;
  for (const std::int64_t each : subjects) wanted.insert(static_cast<std::uint32_t>(each));
  std::vector<std::uint32_t> ids;
  std::uint32_t before = 0;  // samples of a subject lie together
  bool taken = false;
  for (std::size_t id = 0; id < subject_of->size(); ++id) {
    const std::uint32_t subject = (*subject_of)[id];
    if (subject != before) {
      before = subject;
      taken = subject != 0 && wanted.count(subject) != 0;
    }
    if (taken) ids.push_back(static_cast<std::uint32_t>(id));
  }
  return made(IdSet::from_raw(ids));
}

IdSetPtr FacetPlan::of_classes(const std::vector<std::int64_t>& classes) const {
  const auto used = [&](FacetKind kind) {
    std::vector<std::int64_t> values;
    for (const FacetCount& each : *facets_.values(kind)) {
      if (std::find(classes.begin(), classes.end(), each.value) != classes.end()) {
        values.push_back(each.value);
      }
    }
    return united(kind, values);
  };
  return either(used(FacetKind::mask_class), used(FacetKind::label_class));
}

}  // namespace slicebank
