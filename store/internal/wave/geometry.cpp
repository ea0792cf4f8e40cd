#include "store/internal/wave/geometry.h"

#include <algorithm>

namespace slicebank::wave {

Geometry make_geometry(std::uint32_t width, std::uint32_t height, std::uint32_t lanes,
                       std::uint32_t chains_per_plane) {
  Geometry geometry;
  geometry.width = width;
  geometry.height = height;
  geometry.lanes = lanes;
  geometry.chains_per_plane = chains_per_plane;
  const std::uint64_t bands = (std::uint64_t{height} + lanes - 1) / lanes;
  const std::uint64_t full_bands = height / lanes;
  for (std::uint32_t index = 0; index < chains_per_plane; ++index) {
    ChainGeometry& chain = geometry.chains[index];
    chain.bands = (bands - index + chains_per_plane - 1) / chains_per_plane;
    const std::uint64_t full = (full_bands + chains_per_plane - 1 - index) / chains_per_plane;
    chain.full_steps = full * width;
    chain.tiles = (chain.bands * width + lanes - 1 + kStepsPerTile - 1) / kStepsPerTile;
  }
  return geometry;
}

bool two_chains_possible(std::uint32_t width, std::uint32_t height, std::uint32_t lanes) noexcept {
  return width >= kTwoChainsWidthMin && height > lanes;
}

std::vector<std::vector<std::uint32_t>> tile_places(const Geometry& geometry, std::uint32_t planes,
                                                    std::uint32_t planes_per_group) {
  const std::uint32_t per_plane = geometry.chains_per_plane;
  std::vector<std::vector<std::uint32_t>> places(std::size_t{planes} * per_plane);
  for (std::uint32_t plane = 0; plane < planes; ++plane) {
    for (std::uint32_t index = 0; index < per_plane; ++index) {
      places[std::size_t{plane} * per_plane + index].reserve(geometry.chains[index].tiles);
    }
  }
  std::uint32_t place = 0;
  for (std::uint32_t first = 0; first < planes; first += planes_per_group) {
    const std::uint32_t last = std::min(planes, first + planes_per_group);
    for (std::uint64_t round = 0; round < geometry.rounds(); ++round) {
      for (std::uint32_t index = 0; index < per_plane; ++index) {
        const std::uint64_t lag = index * kChainLagTiles;
        if (round < lag || round - lag >= geometry.chains[index].tiles) continue;
        for (std::uint32_t plane = first; plane < last; ++plane) {
          places[std::size_t{plane} * per_plane + index].push_back(place++);
        }
      }
    }
  }
  return places;
}

}  // namespace slicebank::wave
