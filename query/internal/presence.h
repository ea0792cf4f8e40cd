// What annotators must have looked at to have looked for a class.
#pragma once

#include <vector>

#include "schema/ids.h"
#include "schema/taxonomy.h"

namespace slicebank {

// A class was looked for when it was itself, or when, in one of `ways`, all parts were: both
// kidneys for the kidney; every class directly below it.
struct CoverageNeed {
  ClassId id{};
  std::vector<std::vector<CoverageNeed>> ways;
};

CoverageNeed coverage_of(const Taxonomy& taxonomy, ClassId id);

}  // namespace slicebank
