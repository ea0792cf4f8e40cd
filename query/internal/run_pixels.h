// Pixels of masks that are given as runs. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "query/internal/batch_place.h"
#include "store/record.h"

namespace slicebank {

// Runs of several masks as those of their union: in order, none overlapping.
void unite_runs(std::vector<MaskRun>& runs);

std::uint64_t area_of(const std::vector<MaskRun>& runs);

// The pixel of that rank, row by row; `rank` is below the area.
PixelAt pixel_at(const std::vector<MaskRun>& runs, std::uint64_t rank);

}  // namespace slicebank
