#include "store/internal/wave/geometry.h"

namespace slicebank::wave {

Geometry make_geometry(std::uint32_t width, std::uint32_t height, std::uint32_t lanes) noexcept {
  Geometry geometry;
  geometry.width = width;
  geometry.height = height;
  geometry.bands = (std::uint64_t{height} + lanes - 1) / lanes;
  geometry.full_steps = std::uint64_t{height / lanes} * width;
  // The last lane is done lanes - 1 steps after the first.
  const std::uint64_t steps = geometry.bands * width + lanes - 1;
  geometry.tiles = (steps + kStepsPerTile - 1) / kStepsPerTile;
  return geometry;
}

}  // namespace slicebank::wave
