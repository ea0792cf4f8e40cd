#include "query/internal/sample_sql.h"

#include <string>
#include <vector>

#include "query/internal/filter_shape.h"
#include "query/internal/formula.h"
#include "query/internal/mask_sql.h"

namespace slicebank {
namespace {

using Kind = Filter::Kind;

SqlPiece volume_rows(const SqlPiece& condition) {
  SqlPiece piece("s.volume_id IN (SELECT v.id FROM _volume v WHERE ");
  return piece << condition << ")";
}

// The dataset's region where it is known; else any region of the sample's classes.
SqlPiece region_sql(const Filter& leaf, const SearchContext& context, const NameResolver& names) {
  const bool asks_none = leaf.kind == Kind::is_null && !leaf.negated;
  const auto condition = [&](const std::string& column) {
    if (asks_none) return SqlPiece(column + " != 0");
    return sql_coded(column, "_region", leaf, [&](std::size_t i) {
      return std::vector<SqlValue>{std::int64_t{raw(names.region(leaf, i))}};
    });
  };
  SqlPiece by_dataset("s.dataset_id IN (SELECT d.id FROM _dataset d WHERE d.region_id != 0 AND ");
  by_dataset << condition("d.region_id") << ")";
  SqlPiece classes("k.class_id IN (SELECT c.id FROM _class c WHERE c.region_id != 0 AND ");
  classes << condition("c.region_id") << ")";
  SearchContext nameless = context;
  nameless.dataset.emplace_back("IN (SELECT d.id FROM _dataset d WHERE d.region_id = 0)");
  SqlPiece by_class("s.id IN (");
  by_class << id_search(classes, true, true, nameless).joined() << ")";
  const SqlPiece found = sql_join({by_dataset, by_class}, false);
  return asks_none ? sql_not(found) : found;
}

}  // namespace

SqlPiece region_value(const Filter& leaf, const NameResolver& names) {
  std::vector<SqlValue> regions{std::int64_t{0}};
  for (std::size_t i = 0; i < leaf.values.size(); ++i) {
    regions.emplace_back(std::int64_t{raw(names.region(leaf, i))});
  }
  SqlPiece piece("IN (SELECT d.id FROM _dataset d WHERE d.region_id IN ");
  return piece.bind_list(regions) << ")";
}

SqlPiece facet_value(const Filter& leaf, const NameResolver& names) {
  if (leaf.field == "dataset") {
    for (std::size_t i = 0; i < leaf.values.size(); ++i) names.dataset(leaf, i);
    SqlPiece piece(leaf.values.size() == 1 ? "= (SELECT d.id FROM _dataset d WHERE "
                                           : "IN (SELECT d.id FROM _dataset d WHERE ");
    return piece << sql_condition("d.name", leaf) << ")";
  }
  std::vector<SqlValue> codes;
  for (std::size_t i = 0; i < leaf.values.size(); ++i) {
    codes.emplace_back(std::int64_t{raw(names.modality(leaf, i))});
  }
  SqlPiece piece(codes.size() == 1 ? "= " : "IN ");
  return codes.size() == 1 ? piece.bind(codes.front()) : piece.bind_list(codes);
}

SqlPiece field_sql(const Filter& leaf, const SearchContext& context, const NameResolver& names) {
  if (!leaf.formulas.empty()) return formula_leaf_sql(leaf);
  const std::string& field = leaf.field;
  // A plus keeps SQLite from beginning with the facet where something narrower is there.
  const std::string plus = context.very_few ? "+" : "";
  if (is_facet(leaf)) {
    SqlPiece piece(plus + (field == "dataset" ? "s.dataset_id " : "s.modality_id "));
    return piece << facet_value(leaf, names);
  }
  if (field == "modality") {
    return sql_coded("s.modality_id", "_modality", leaf, [&](std::size_t i) {
      return std::vector<SqlValue>{std::int64_t{raw(names.modality(leaf, i))}};
    });
  }
  if (field == "region") return region_sql(leaf, context, names);
  if (field == "sequence") {
    return volume_rows(sql_coded("v.sequence_id", "_sequence", leaf, [&](std::size_t i) {
      std::vector<SqlValue> codes;
      for (const SequenceId id : names.sequences(leaf, i)) {
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
      for (std::size_t i = 0; i < leaf.values.size(); ++i) names.dataset(leaf, i);
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

SqlPiece split_sql(const Filter& filter, const NameResolver& names) {
  names.split(filter);
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

}  // namespace slicebank
