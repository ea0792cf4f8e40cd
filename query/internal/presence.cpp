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
  if (children.all.size() >= 2 && children.all != children.sides) add(children.all);
  return need;
}

}  // namespace

CoverageNeed coverage_of(const Taxonomy& taxonomy, ClassId id) {
  constexpr int kLevelsMax = 2;
  return need_of(taxonomy, id, kLevelsMax);
}

}  // namespace slicebank
