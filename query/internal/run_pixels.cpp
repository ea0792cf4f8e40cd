#include "query/internal/run_pixels.h"

#include <algorithm>
#include <cassert>

namespace slicebank {

void unite_runs(std::vector<MaskRun>& runs) {
  if (runs.empty()) return;
  std::sort(runs.begin(), runs.end());
  std::size_t last = 0;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    if (runs[i].y == runs[last].y && runs[i].x0 <= runs[last].x1) {
      runs[last].x1 = std::max(runs[last].x1, runs[i].x1);
    } else {
      runs[++last] = runs[i];
    }
  }
  runs.resize(last + 1);
}

std::uint64_t area_of(const std::vector<MaskRun>& runs) {
  std::uint64_t area = 0;
  for (const MaskRun& run : runs) area += run.x1 - run.x0;
  return area;
}

PixelAt pixel_at(const std::vector<MaskRun>& runs, std::uint64_t rank) {
  assert(rank < area_of(runs));
  auto run = runs.begin();
  for (; rank >= run->x1 - run->x0; ++run) rank -= run->x1 - run->x0;
  return {run->x0 + static_cast<std::uint32_t>(rank), run->y};
}

}  // namespace slicebank
