// Brings a mask that was stored in another voxel order, or cropped, onto the grid of its
// image.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

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

// For a map that is smaller than its image: where both affines are known and say that the
// map's voxels are voxels of the image (Slicer crops segmentations to what is segmented),
// the map becomes one of the image's size with 0 around it. False, and the map as it was,
// where a voxel would lie outside of the image or between two. `said` is the place that the
// map's own file gives its first voxel in the image: it counts where an affine is missing,
// and without it two that begin at one corner are not taken for a part and its whole, since
// that is how a side looks that was cut off. Any thread.
bool place_in_grid_of(const Volume& image, Volume& map,
                      const std::optional<std::array<std::uint32_t, 3>>& said = {});

}  // namespace slicebank::internal
