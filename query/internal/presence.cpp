#include "query/internal/presence.h"

#include <algorithm>
#include <string>
#include <utility>

namespace slicebank {
namespace {

// The classes directly below one, and its left and right half among them.
struct Children {
  std::vector<ClassId> all;
  std::vector<ClassId> sides;
};

Children children_of(const Taxonomy& taxonomy, const ClassInfo& info) {
  Children children;
  for (const ClassId member : taxonomy.members(info.id)) {
    const ClassInfo* below = taxonomy.class_info(member);
    if (below == nullptr || member == info.id) continue;
    if (std::find(below->parents.begin(), below->parents.end(), info.id) == below->parents.end()) {
      continue;
    }
    children.all.push_back(member);
    if (below->side != Side::none && below->base == info.name) children.sides.push_back(member);
  }
  return children;
}

CoverageNeed need_of(const Taxonomy& taxonomy, ClassId id, int levels) {
  CoverageNeed need{id, {}};
  const ClassInfo* info = taxonomy.class_info(id);
  if (info == nullptr || levels == 0) return need;
  const Children children = children_of(taxonomy, *info);
  const auto add = [&](const std::vector<ClassId>& parts) {
    std::vector<CoverageNeed> way;
    for (const ClassId part : parts) way.push_back(need_of(taxonomy, part, levels - 1));
    need.ways.push_back(std::move(way));
  };
  // One child alone is not known to be the whole of anything.
  if (children.sides.size() == 2) add(children.sides);
  for (const std::vector<ClassId>& parts : info->made_of) add(parts);
  if (children.all.size() >= 2 && children.all != children.sides) add(children.all);
  return need;
}

SqlPiece present_sql(ClassId id, const SearchContext& context, const NameResolver& names) {
  std::vector<SqlValue> members;
  for (const ClassId member : names.taxonomy().members(id)) {
    members.emplace_back(std::int64_t{raw(member)});
  }
  SqlPiece condition("k.class_id IN ");
  condition.bind_list(members);
  SqlPiece piece("s.id IN (");
  return piece << id_search(condition, true, true, context).joined() << ")";
}

// Somebody looked: the class is in the volume's coverage, or a label says 0; or that is so
// of all parts of one of the sets that make up the class.
SqlPiece looked_for_sql(const CoverageNeed& need) {
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

}  // namespace

CoverageNeed coverage_of(const Taxonomy& taxonomy, ClassId id) {
  constexpr int kLevelsMax = 2;
  return need_of(taxonomy, id, kLevelsMax);
}

SqlPiece presence_sql(const Filter& filter, const SearchContext& context,
                      const NameResolver& names) {
  const Taxonomy& taxonomy = names.taxonomy();
  const ClassId asked = names.class_id(filter, 0);
  const SqlPiece present = present_sql(asked, context, names);
  std::vector<SqlPiece> looked{looked_for_sql(coverage_of(taxonomy, asked))};
  for (const ClassId ancestor : taxonomy.ancestors(asked)) {
    if (ancestor == asked) continue;
    // Nothing of the whole was there, so nothing of its part.
    looked.push_back(sql_join({sql_not(present_sql(ancestor, context, names)),
                               looked_for_sql(CoverageNeed{ancestor, {}})},
                              true));
  }
  const SqlPiece looked_for = sql_join(looked, false);
  return sql_join(
      {sql_not(present), filter.kind == Filter::Kind::absent ? looked_for : sql_not(looked_for)},
      true);
}

}  // namespace slicebank
