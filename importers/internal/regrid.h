// Brings a mask that was stored in another voxel order onto the grid of its image.
#pragma once

#include "formats/volume.h"

namespace slicebank::internal {

enum class GridMatch {
  same,       // voxel by voxel
  reordered,  // the same voxels along other axes or backwards; put in order
  size_only,  // as many voxels along each axis, but another place in space
  none        // no voxel has a counterpart
};

// Where both affines are known and one grid is the other with axes exchanged or flipped,
// the voxels of `map` are put into the order of `image` (nothing is interpolated).
// Compared to 0.01 of a voxel at the corners. Any thread.
GridMatch put_on_grid_of(const Volume& image, Volume& map);

}  // namespace slicebank::internal
