#include "query/filter_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "query/internal/filter_check.h"
#include "query/internal/filter_fields.h"
#include "query/internal/filter_names.h"
#include "query/internal/mask_sql.h"
#include "query/internal/presence.h"
#include "query/internal/sql_piece.h"
#include "schema/error.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

constexpr unsigned kLevelsMax = 6;            // AND, OR, NOT in one expression; then a table
constexpr std::size_t kValuesMax = 30'000;    // SQLite's default is 32,766 a statement
constexpr std::size_t kPushedValuesMax = 64;  // values of a facet that masks are narrowed by
constexpr std::size_t kPushingTermsMax = 500;
constexpr std::size_t kPushedFacetsMax = 4;  // of a kind, one inside the other

// What holds of every sample an expression is asked about, because it stands beside it
// under the same AND. Mask and label rows carry both columns, so a search in them may be
// narrowed by it; what stands beside it leaves out the samples for which it matters.
struct Context {
  std::vector<SqlPiece> modality;  // "= ?", "IN (?, ?)"
  std::vector<SqlPiece> dataset;
  bool few = false;       // a search for classes beside it leaves few samples
  bool very_few = false;  // a person, a volume or an id beside it does
};

// A search in the clustered tables: a SELECT of sample ids for each table.
struct IdSearch {
  std::vector<SqlPiece> selects;

  SqlPiece joined() const {
    SqlPiece piece;
    for (std::size_t i = 0; i < selects.size(); ++i) {
      if (i > 0) piece << " UNION ALL ";
      piece << selects[i];
    }
    return piece;
  }
};

std::size_t count_terms(const Filter& filter) {
  std::size_t terms = 1 + filter.values.size();
  for (const FilterPtr& child : filter.children) terms += count_terms(*child);
  return terms;
}

bool is_finding_leaf(const Filter& filter) {
  const Field* field = filter.field.empty() ? nullptr : find_field(filter.field);
  return field != nullptr && field->place != FieldPlace::sample;
}

// Whether the condition is about masks or labels, with its field outside mask(...) or not.
bool is_finding(const Filter& filter) {
  return filter.kind == Kind::mask || is_finding_leaf(filter);
}

bool about_labels_too(const Filter& filter) {
  return filter.kind != Kind::mask && find_field(filter.field)->place == FieldPlace::finding;
}

// Whether a search for it can begin at the classes.
bool searches_classes(const Filter& filter) {
  if (filter.kind == Kind::mask) return searches_classes(*filter.children.front());
  if (filter.kind == Kind::logical_and) {
    return std::any_of(filter.children.begin(), filter.children.end(),
                       [](const FilterPtr& child) { return searches_classes(*child); });
  }
  return !filter.field.empty() && narrows_classes(filter);
}

bool is_facet(const Filter& filter) {
  return (filter.field == "modality" || filter.field == "dataset") &&
         is_positive_equality(filter) && filter.values.size() <= kPushedValuesMax;
}

bool leaves_very_few(const Filter& filter) {
  return (filter.field == "patient" || filter.field == "subject" || filter.field == "id" ||
          filter.field == "volume") &&
         is_positive_equality(filter);
}

// AND inside AND, and NOT NOT, mean nothing of their own; without them there is less depth.
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

std::vector<FilterPtr> operands_of(const Filter& filter) {
  std::vector<FilterPtr> operands;
  for (const FilterPtr& child : filter.children) collect_operands(child, filter.kind, &operands);
  return operands;
}

class Compiler {
 public:
  Compiler(const Filter& filter, const FilterNames& names, const std::string& text)
      : names_(names, text), pushes_(count_terms(filter) <= kPushingTermsMax) {}

  FilterSql run(const Filter& filter) {
    const SqlPiece condition = scoped(sample_sql(filter, {}));
    FilterSql result;
    result.where = condition.sql;
    result.values = condition.values;
    const SqlPiece ids = ids_sql(filter, condition);
    result.ids = ids.sql;
    result.ids_values = ids.values;
    if (const auto count = count_sql(filter)) {
      result.count = count->sql;
      result.count_values = count->values;
    }
    return result;
  }

 private:
  // --- Deep expressions. SQLite parses with a stack of a hundred entries and allows a
  // thousand levels. What grows too deep becomes a table of its own in a WITH clause, one
  // after the other, and the expression around it asks that table.

  SqlPiece shallow_sample(SqlPiece condition) {
    if (condition.levels < kLevelsMax) return condition;
    const std::string name = fmt::format("f{}", tables_.size());
    SqlPiece table(name + "(id) AS (SELECT s.id FROM _sample s WHERE ");
    tables_.push_back(table << condition << ")");
    return SqlPiece("s.id IN " + name);
  }

  SqlPiece shallow_mask(SqlPiece condition) {
    if (condition.levels < kLevelsMax) return condition;
    const std::string name = fmt::format("f{}", tables_.size());
    SqlPiece table(name + "(id, number) AS (SELECT k.sample_id, k.number FROM _mask k WHERE ");
    tables_.push_back(table << condition << ")");
    return SqlPiece("(k.sample_id, k.number) IN " + name);
  }

  // The condition with the tables it needs, as one condition.
  SqlPiece scoped(const SqlPiece& condition) const {
    if (tables_.empty()) return condition;
    SqlPiece piece("s.id IN (WITH ");
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      if (i > 0) piece << ", ";
      piece << tables_[i];
    }
    piece << " SELECT s.id FROM _sample s WHERE " << condition << ")";
    return piece;
  }

  // --- Conditions on the sample, over `_sample s`.

  SqlPiece sample_sql(const Filter& filter, const Context& context) {
    switch (filter.kind) {
      case Kind::all:
        return sql_constant(true);
      case Kind::logical_and:
        return and_sql(filter, context);
      case Kind::logical_or: {
        std::vector<SqlPiece> parts;
        for (const FilterPtr& operand : operands_of(filter)) {
          parts.push_back(shallow_sample(sample_sql(*operand, context)));
        }
        return sql_join(parts, false);
      }
      case Kind::logical_not: {
        // Beside it the same holds, so the context reaches through.
        const Filter& inner = *filter.children.front();
        if (inner.kind == Kind::logical_not) return sample_sql(*inner.children.front(), context);
        return sql_not(shallow_sample(sample_sql(inner, context)));
      }
      case Kind::absent:
      case Kind::unknown:
        return presence_sql(filter, context);
      case Kind::split_side:
        return split_sql(filter);
      default:
        return is_finding(filter) ? finding_sql(filter, context) : field_sql(filter, context);
    }
  }

  SqlPiece and_sql(const Filter& filter, const Context& outer) {
    const std::vector<FilterPtr> operands = operands_of(filter);
    std::vector<const Filter*> pushed;
    const Context context = inner_context(operands, outer, &pushed);
    const bool searched =
        std::any_of(operands.begin(), operands.end(), [](const FilterPtr& operand) {
          return is_finding(*operand) && searches_classes(*operand);
        });
    std::vector<SqlPiece> parts;
    for (const FilterPtr& operand : operands) {
      // A search of classes that was narrowed by the facet has said it already.
      const bool said = std::find(pushed.begin(), pushed.end(), operand.get()) != pushed.end();
      if (said && searched && !context.very_few) continue;
      parts.push_back(shallow_sample(sample_sql(*operand, context)));
    }
    return sql_join(parts, true);
  }

  // What holds beside the operands of an AND; `pushed` gets the facets that it holds.
  Context inner_context(const std::vector<FilterPtr>& operands, const Context& outer,
                        std::vector<const Filter*>* pushed) const {
    Context context = outer;
    for (const FilterPtr& operand : operands) {
      if (pushes_ && is_facet(*operand)) {
        auto& facets = operand->field == "modality" ? context.modality : context.dataset;
        if (facets.size() < kPushedFacetsMax) {
          facets.push_back(facet_value(*operand));
          pushed->push_back(operand.get());
        }
      }
      context.few = context.few || (is_finding(*operand) && searches_classes(*operand));
      context.very_few = context.very_few || leaves_very_few(*operand);
    }
    return context;
  }

  // "= ?" or "IN (...)" to stand behind a modality_id or dataset_id.
  SqlPiece facet_value(const Filter& leaf) const {
    if (leaf.field == "dataset") {
      for (std::size_t i = 0; i < leaf.values.size(); ++i) names_.dataset(leaf, i);
      SqlPiece piece(leaf.values.size() == 1 ? "= (SELECT d.id FROM _dataset d WHERE "
                                             : "IN (SELECT d.id FROM _dataset d WHERE ");
      return piece << sql_condition("d.name", leaf) << ")";
    }
    std::vector<SqlValue> codes;
    for (std::size_t i = 0; i < leaf.values.size(); ++i) {
      codes.emplace_back(std::int64_t{raw(names_.modality(leaf, i))});
    }
    SqlPiece piece(codes.size() == 1 ? "= " : "IN ");
    return codes.size() == 1 ? piece.bind(codes.front()) : piece.bind_list(codes);
  }

  SqlPiece field_sql(const Filter& leaf, const Context& context) const {
    const std::string& field = leaf.field;
    // A plus keeps SQLite from beginning with the facet where something narrower is there.
    const std::string plus = context.very_few ? "+" : "";
    if (is_facet(leaf)) {
      SqlPiece piece(plus + (field == "dataset" ? "s.dataset_id " : "s.modality_id "));
      return piece << facet_value(leaf);
    }
    if (field == "modality") {
      return sql_coded("s.modality_id", "_modality", leaf, [&](std::size_t i) {
        return std::vector<SqlValue>{std::int64_t{raw(names_.modality(leaf, i))}};
      });
    }
    if (field == "region") return region_sql(leaf, context);
    if (field == "sequence") {
      return volume_rows(sql_coded("v.sequence_id", "_sequence", leaf, [&](std::size_t i) {
        std::vector<SqlValue> codes;
        for (const SequenceId id : names_.sequences(leaf, i)) {
          codes.emplace_back(std::int64_t{raw(id)});
        }
        return codes;
      }));
    }
    if (field.rfind("spacing_", 0) == 0) return volume_rows(sql_condition("v." + field, leaf));
    if (field == "official_split") {
      return volume_rows(sql_condition("nullif(v.official_split, '')", leaf));
    }
    if (leaf.kind == Kind::is_null) return sql_constant(leaf.negated);  // always known
    if (field == "dataset") {
      if (is_equality(leaf)) {
        for (std::size_t i = 0; i < leaf.values.size(); ++i) names_.dataset(leaf, i);
      }
      SqlPiece piece("s.dataset_id IN (SELECT d.id FROM _dataset d WHERE ");
      return piece << sql_condition("d.name", leaf) << ")";
    }
    if (field == "patient") {
      SqlPiece piece("s.subject_id IN (SELECT u.id FROM _subject u WHERE ");
      return piece << sql_condition("u.patient_id", leaf) << ")";
    }
    if (field == "volume") return volume_rows(sql_condition("v.key", leaf));
    if (field == "subject") return sql_condition("s.subject_id", leaf);
    if (field == "axis") {
      return sql_condition(
          "CASE s.axis WHEN 1 THEN '2d' WHEN 2 THEN 'x' WHEN 3 THEN 'y' ELSE 'z' END", leaf);
    }
    if (field == "pixel_type") {
      return sql_condition(
          "CASE s.pixel_type WHEN 1 THEN 'u8' WHEN 2 THEN 'i8' WHEN 3 THEN 'u16' WHEN 4 THEN 'i16' "
          "WHEN 5 THEN 'u32' WHEN 6 THEN 'i32' WHEN 7 THEN 'f16' WHEN 8 THEN 'f32' ELSE 'f64' END",
          leaf);
    }
    return sql_condition("s." + field, leaf);  // id, name, slice, width, ..., masks, labels
  }

  static SqlPiece volume_rows(const SqlPiece& condition) {
    SqlPiece piece("s.volume_id IN (SELECT v.id FROM _volume v WHERE ");
    return piece << condition << ")";
  }

  // The dataset's region where it is known; else any region of the sample's classes.
  SqlPiece region_sql(const Filter& leaf, const Context& context) const {
    const bool asks_none = leaf.kind == Kind::is_null && !leaf.negated;
    const auto condition = [&](const std::string& column) {
      if (asks_none) return SqlPiece(column + " != 0");
      return sql_coded(column, "_region", leaf, [&](std::size_t i) {
        return std::vector<SqlValue>{std::int64_t{raw(names_.region(leaf, i))}};
      });
    };
    SqlPiece by_dataset("s.dataset_id IN (SELECT d.id FROM _dataset d WHERE d.region_id != 0 AND ");
    by_dataset << condition("d.region_id") << ")";
    SqlPiece classes("k.class_id IN (SELECT c.id FROM _class c WHERE c.region_id != 0 AND ");
    classes << condition("c.region_id") << ")";
    Context nameless = context;
    nameless.dataset.emplace_back("IN (SELECT d.id FROM _dataset d WHERE d.region_id = 0)");
    SqlPiece by_class("s.id IN (");
    by_class << id_search(classes, true, true, nameless).joined() << ")";
    const SqlPiece found = sql_join({by_dataset, by_class}, false);
    return asks_none ? sql_not(found) : found;
  }

  SqlPiece split_sql(const Filter& filter) const {
    names_.split(filter);
    SqlPiece split("(SELECT p.id FROM _split p WHERE p.name = ");
    split.bind(std::get<std::string>(filter.values[0])) << ")";
    SqlPiece piece("s.id IN (SELECT t.sample_id FROM _split_sample t WHERE t.split_id = ");
    piece << split;
    if (filter.values.size() == 1) {
      piece << ")";
      return filter.negated ? piece : sql_not(piece);
    }
    std::vector<SqlValue> sides;
    for (std::size_t i = 1; i < filter.values.size(); ++i) {
      sides.emplace_back(std::get<std::string>(filter.values[i]));
    }
    const bool inverted = filter.negated || filter.comparison == Comparison::not_equal;
    piece << " AND t.side IN (SELECT e.side FROM _split_side e WHERE e.split_id = " << split
          << " AND e.name " << (inverted ? "NOT IN " : "IN ");
    piece.bind_list(sides) << "))";
    return piece;
  }

  // --- Conditions on masks and labels.

  SqlPiece finding_sql(const Filter& filter, const Context& context) {
    const Filter& condition = filter.kind == Kind::mask ? *filter.children.front() : filter;
    const SqlPiece inner = shallow_mask(mask_sql(condition));
    const bool labels = about_labels_too(filter);
    const bool searches = searches_classes(filter);
    if (!context.very_few && (searches || !context.few)) {
      SqlPiece piece("s.id IN (");
      return piece << id_search(inner, labels, searches, context).joined() << ")";
    }
    // Few samples are left: look at the masks of each.
    SqlPiece piece(
        "EXISTS (SELECT 1 FROM _mask k INDEXED BY _mask_sample WHERE "
        "k.sample_id = s.id AND ");
    piece << inner << ")";
    if (!labels) return piece;
    SqlPiece with_labels("(");
    with_labels << piece
                << " OR EXISTS (SELECT 1 FROM _label k INDEXED BY _label_sample WHERE "
                   "k.sample_id = s.id AND k.value > 0 AND "
                << inner << "))";
    ++with_labels.levels;
    return with_labels;
  }

  // A tree of conditions on one mask, over `_mask k`.
  SqlPiece mask_sql(const Filter& filter) {
    switch (filter.kind) {
      case Kind::all:
        return sql_constant(true);
      case Kind::logical_and:
      case Kind::logical_or: {
        std::vector<SqlPiece> parts;
        for (const FilterPtr& operand : operands_of(filter)) {
          parts.push_back(shallow_mask(mask_sql(*operand)));
        }
        return sql_join(parts, filter.kind == Kind::logical_and);
      }
      case Kind::logical_not: {
        const Filter& inner = *filter.children.front();
        if (inner.kind == Kind::logical_not) return mask_sql(*inner.children.front());
        return sql_not(shallow_mask(mask_sql(inner)));
      }
      default:
        return mask_leaf_sql(filter, names_);
    }
  }

  // SELECTs of the ids of samples with such a mask (or label), narrowed by what else is
  // known. Prefixes of the primary key (class, modality, dataset, sample) are searched:
  // where the class or modality is free, the few values in use are named.
  IdSearch id_search(const SqlPiece& condition, bool labels, bool searches_class,
                     const Context& context) const {
    SqlPiece tail = condition;
    const bool narrowed = !context.modality.empty() || !context.dataset.empty();
    if (narrowed && !searches_class) {
      tail << " AND k.class_id IN (SELECT r.class_id FROM _rollup_mask r)";
    }
    for (const SqlPiece& facet : context.modality) tail << " AND k.modality_id " << facet;
    if (context.modality.empty() && !context.dataset.empty()) {
      tail << " AND k.modality_id IN (SELECT r.modality_id FROM _rollup_sample r)";
    }
    for (const SqlPiece& facet : context.dataset) tail << " AND k.dataset_id " << facet;

    IdSearch search;
    SqlPiece masks("SELECT k.sample_id FROM _mask k WHERE ");
    search.selects.push_back(masks << tail);
    if (labels) {
      SqlPiece positive("SELECT k.sample_id FROM _label k WHERE k.value > 0 AND ");
      search.selects.push_back(positive << tail);
    }
    return search;
  }

  // --- absent('c') and unknown('c'): docs/query_language.md, "Three states".

  SqlPiece presence_sql(const Filter& filter, const Context& context) const {
    const Taxonomy& taxonomy = names_.taxonomy();
    const ClassId asked = names_.class_id(filter, 0);
    const SqlPiece present = present_sql(asked, context);
    std::vector<SqlPiece> looked{looked_for_sql(coverage_of(taxonomy, asked))};
    for (const ClassId ancestor : taxonomy.ancestors(asked)) {
      if (ancestor == asked) continue;
      // Nothing of the whole was there, so nothing of its part.
      looked.push_back(sql_join(
          {sql_not(present_sql(ancestor, context)), looked_for_sql(CoverageNeed{ancestor, {}})},
          true));
    }
    const SqlPiece looked_for = sql_join(looked, false);
    return sql_join(
        {sql_not(present), filter.kind == Kind::absent ? looked_for : sql_not(looked_for)}, true);
  }

  SqlPiece present_sql(ClassId id, const Context& context) const {
    std::vector<SqlValue> members;
    for (const ClassId member : names_.taxonomy().members(id)) {
      members.emplace_back(std::int64_t{raw(member)});
    }
    SqlPiece condition("k.class_id IN ");
    condition.bind_list(members);
    SqlPiece piece("s.id IN (");
    return piece << id_search(condition, true, true, context).joined() << ")";
  }

  // Somebody looked: the class is in the volume's coverage, or a label says 0; or that is so
  // of all parts of one of the sets that make up the class.
  static SqlPiece looked_for_sql(const CoverageNeed& need) {
    SqlPiece covered(
        "s.volume_id IN (SELECT v.id FROM _volume v WHERE v.coverage_set IN "
        "(SELECT g.id FROM _coverage_set g WHERE g.class_id = ");
    covered.bind(std::int64_t{raw(need.id)}) << "))";
    SqlPiece labelled("s.id IN (SELECT k.sample_id FROM _label k WHERE k.class_id = ");
    labelled.bind(std::int64_t{raw(need.id)}) << " AND k.value = 0)";
    std::vector<SqlPiece> ways{covered, labelled};
    for (const std::vector<CoverageNeed>& parts : need.ways) {
      std::vector<SqlPiece> all;
      for (const CoverageNeed& part : parts) all.push_back(looked_for_sql(part));
      ways.push_back(sql_join(all, true));
    }
    return sql_join(ways, false);
  }

  // --- Whole statements.

  std::vector<FilterPtr> top_operands(const Filter& filter) const {
    std::vector<FilterPtr> operands;
    collect_operands(std::make_shared<Filter>(filter), Kind::logical_and, &operands);
    return operands;
  }

  // Where facets and searches are all there is, the clustered tables answer alone.
  SqlPiece ids_sql(const Filter& filter, const SqlPiece& condition) {
    const std::vector<FilterPtr> operands = top_operands(filter);
    std::vector<FilterPtr> searches;
    for (const FilterPtr& operand : operands) {
      if (is_facet(*operand)) continue;
      if (!is_finding(*operand) || !searches_classes(*operand)) return scan_sql(condition);
      searches.push_back(operand);
    }
    std::vector<const Filter*> pushed;
    const Context context = inner_context(operands, {}, &pushed);
    if (searches.empty() || pushed.size() + searches.size() < operands.size()) {
      return scan_sql(condition);
    }
    const std::size_t tables_before = tables_.size();
    std::vector<IdSearch> found;
    for (const FilterPtr& search : searches) {
      const Filter& inner = search->kind == Kind::mask ? *search->children.front() : *search;
      found.push_back(
          id_search(shallow_mask(mask_sql(inner)), about_labels_too(*search), true, context));
    }
    const bool deep = tables_.size() != tables_before;
    tables_.resize(tables_before);
    if (deep) return scan_sql(condition);
    for (SqlPiece& select : found.front().selects) {
      for (std::size_t i = 1; i < found.size(); ++i) {
        select << " AND k.sample_id IN (" << found[i].joined() << ")";
      }
    }
    return found.front().joined();
  }

  static SqlPiece scan_sql(const SqlPiece& condition) {
    SqlPiece piece("SELECT s.id FROM _sample s WHERE ");
    return piece << condition;
  }

  // Facets alone, or nothing at all, are counted by the writer.
  std::optional<SqlPiece> count_sql(const Filter& filter) const {
    SqlPiece piece("SELECT coalesce(sum(r.samples), 0) FROM _rollup_sample r WHERE 1");
    for (const FilterPtr& operand : top_operands(filter)) {
      if (operand->kind == Kind::all) continue;
      if (!is_facet(*operand)) return std::nullopt;
      piece << (operand->field == "dataset" ? " AND r.dataset_id " : " AND r.modality_id ")
            << facet_value(*operand);
    }
    return piece;
  }

  NameResolver names_;
  bool pushes_;  // a filter of very many terms would repeat its facets too often
  std::vector<SqlPiece> tables_;
};

}  // namespace

FilterSql to_sql(const Filter& filter, const FilterNames& names, const std::string& text) {
  assert(names.taxonomy != nullptr);
  check_filter(filter, text);
  FilterSql result = Compiler(filter, names, text).run(filter);
  if (result.values.size() > kValuesMax || result.ids_values.size() > kValuesMax) {
    throw QueryError(fmt::format("the filter stands for more than {} values", kValuesMax), text, 0,
                     "take it apart, or save a selection and use that");
  }
  return result;
}

}  // namespace slicebank
