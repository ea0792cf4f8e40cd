#include "query/filter_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "query/internal/filter_check.h"
#include "query/internal/filter_names.h"
#include "query/internal/filter_shape.h"
#include "query/internal/id_search.h"
#include "query/internal/mask_sql.h"
#include "query/internal/normal_form.h"
#include "query/internal/presence.h"
#include "query/internal/sample_sql.h"
#include "query/internal/sql_piece.h"
#include "schema/error.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

constexpr unsigned kLevelsMax = 6;          // AND, OR, NOT in one expression; then a table
constexpr std::size_t kValuesMax = 30'000;  // SQLite's default is 32,766 a statement
constexpr std::size_t kPushingTermsMax = 500;
constexpr std::size_t kAlternativesMax = 16;
constexpr std::size_t kPushedFacetsMax = 4;  // of a kind, one inside the other

class Compiler {
 public:
  Compiler(const Filter& filter, const FilterNames& names, const std::string& text)
      : names_(names, text), pushes_(count_terms(filter) <= kPushingTermsMax) {}

  // `filter` in its normal form.
  FilterSql run(const FilterPtr& normal) {
    const Filter& filter = *normal;
    const SqlPiece condition = scoped(sample_sql(filter, {}));
    FilterSql result;
    result.where = condition.sql;
    result.values = condition.values;
    const SqlPiece ids = alternatives_sql(normal, condition);
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

  SqlPiece sample_sql(const Filter& filter, const SearchContext& context) {
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
        return presence_sql(filter, context, names_);
      case Kind::split_side:
        return split_sql(filter, names_);
      default:
        return is_finding(filter) ? finding_sql(filter, context)
                                  : field_sql(filter, context, names_);
    }
  }

  SqlPiece and_sql(const Filter& filter, const SearchContext& outer) {
    const std::vector<FilterPtr> operands = operands_of(filter);
    std::vector<const Filter*> pushed;
    const SearchContext context = inner_context(operands, outer, &pushed);
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
  SearchContext inner_context(const std::vector<FilterPtr>& operands, const SearchContext& outer,
                              std::vector<const Filter*>* pushed) const {
    SearchContext context = outer;
    for (const FilterPtr& operand : operands) {
      if (!pushes_) continue;
      const bool by_modality = operand->field == "modality";
      auto& facets = by_modality ? context.modality : context.dataset;
      if (facets.size() >= kPushedFacetsMax) continue;
      if (is_facet(*operand)) {
        facets.push_back(facet_value(*operand, names_));
      } else if (is_region_of(*operand, operands)) {
        facets.push_back(region_value(*operand, names_));
      } else {
        continue;
      }
      pushed->push_back(operand.get());
    }
    for (const FilterPtr& operand : operands) {
      context.few = context.few || (is_finding(*operand) && searches_classes(*operand));
      context.very_few = context.very_few || leaves_very_few(*operand);
    }
    return context;
  }

  // Whether a search for classes stands beside the region, all of which lie in it: then the
  // region is the dataset's where that is known, and true of what is found elsewhere.
  bool is_region_of(const Filter& leaf, const std::vector<FilterPtr>& operands) const {
    if (leaf.field != "region" || !is_positive_equality(leaf)) return false;
    std::vector<RegionId> regions;
    for (std::size_t i = 0; i < leaf.values.size(); ++i) regions.push_back(names_.region(leaf, i));
    const auto lies_there = [&](ClassId id) {
      const ClassInfo* info = names_.taxonomy().class_info(id);
      return info != nullptr &&
             std::find(regions.begin(), regions.end(), info->region) != regions.end();
    };
    return std::any_of(operands.begin(), operands.end(), [&](const FilterPtr& operand) {
      const Filter* named = named_classes(*operand);
      if (named == nullptr) return false;
      const std::vector<ClassId> classes = names_.classes(*named);
      return std::all_of(classes.begin(), classes.end(), lies_there);
    });
  }

  // --- Conditions on masks and labels.

  SqlPiece finding_sql(const Filter& filter, const SearchContext& context) {
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

  // --- Whole statements.

  // An OR of conditions that an index answers each is a search for each.
  SqlPiece alternatives_sql(const FilterPtr& normal, const SqlPiece& condition) {
    if (!pushes_) return ids_sql(*normal, condition);
    const std::vector<FilterPtr> alternatives = alternatives_of(normal, kAlternativesMax);
    if (alternatives.size() == 1 ||
        !std::all_of(alternatives.begin(), alternatives.end(), has_an_index)) {
      return ids_sql(*normal, condition);
    }
    SqlPiece piece;
    for (const FilterPtr& alternative : alternatives) {
      if (!piece.sql.empty()) piece << " UNION ALL ";
      tables_.clear();
      const SqlPiece part = scoped(sample_sql(*alternative, {}));
      piece << ids_sql(*alternative, part);
    }
    return piece;
  }

  // Whether some operand of the AND finds its samples without a look at each.
  static bool has_an_index(const FilterPtr& conjunct) {
    const std::vector<FilterPtr> operands = operands_of(conjunct, Kind::logical_and);
    return std::any_of(operands.begin(), operands.end(), [](const FilterPtr& operand) {
      return is_facet(*operand) || leaves_very_few(*operand) ||
             (is_finding(*operand) && searches_classes(*operand)) ||
             (operand->kind == Kind::split_side && operand->values.size() > 1);
    });
  }

  // Where facets and searches are all there is, the clustered tables answer alone.
  SqlPiece ids_sql(const Filter& filter, const SqlPiece& condition) {
    const std::vector<FilterPtr> operands =
        operands_of(std::make_shared<Filter>(filter), Kind::logical_and);
    std::vector<const Filter*> pushed;
    const SearchContext context = inner_context(operands, {}, &pushed);
    std::vector<FilterPtr> searches;
    for (const FilterPtr& operand : operands) {
      if (std::find(pushed.begin(), pushed.end(), operand.get()) != pushed.end()) continue;
      if (!is_finding(*operand) || !searches_classes(*operand)) return scan_sql(condition);
      searches.push_back(operand);
    }
    if (searches.empty()) return scan_sql(condition);

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
    for (const FilterPtr& operand :
         operands_of(std::make_shared<Filter>(filter), Kind::logical_and)) {
      if (operand->kind == Kind::all) continue;
      if (!is_facet(*operand)) return std::nullopt;
      piece << (operand->field == "dataset" ? " AND r.dataset_id " : " AND r.modality_id ")
            << facet_value(*operand, names_);
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
  const FilterPtr normal = normal_form(filter);
  FilterSql result = Compiler(*normal, names, text).run(normal);
  if (result.values.size() > kValuesMax || result.ids_values.size() > kValuesMax) {
    throw QueryError(fmt::format("the filter stands for more than {} values", kValuesMax), text, 0,
                     "take it apart, or save a selection and use that");
  }
  return result;
}

}  // namespace slicebank
