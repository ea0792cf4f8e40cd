// Where a pixel goes: lanes, bands, chains, tiles (docs/format-wave.md, "Order").
//
// A band is as many rows as a 128-bit vector has lanes. A chain is every band of a plane,
// or every second one; lane l of a chain lags l steps behind lane 0, so that the lanes of
// one step are independent. A tile is 16 steps. Chains of one group of planes take turns,
// tile by tile, so that a decoder has several independent chains under way at once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace slicebank::wave {

inline constexpr std::uint32_t kStepsPerTile = 16;
// The second chain of a plane runs this many tiles behind the first, which makes the row
// above it in time.
inline constexpr std::uint64_t kChainLagTiles = 4;
inline constexpr std::uint32_t kChainsPerPlaneMax = 2;
inline constexpr std::uint32_t kPlanesPerGroupMax = 4;
// Two chains need rows this long, or the first would overtake the second.
inline constexpr std::uint32_t kTwoChainsWidthMin = 96;

template <class Pixel>
inline constexpr std::uint32_t kLanes = 16 / sizeof(Pixel);
template <class Pixel>
inline constexpr std::uint32_t kSlotsPerTile = kStepsPerTile * kLanes<Pixel>;

// One chain of a plane. Nothing here depends on which plane it is.
struct ChainGeometry {
  std::uint64_t bands = 0;
  std::uint64_t tiles = 0;
  // Steps that lane 0 spends in bands whose rows all exist.
  std::uint64_t full_steps = 0;

  // Holds a slot without a pixel. Such a tile is never flat-coded.
  bool padded(std::uint64_t tile) const noexcept {
    return tile == 0 || (tile + 1) * kStepsPerTile > full_steps;
  }
};

struct Geometry {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t lanes = 0;
  std::uint32_t chains_per_plane = 1;
  std::array<ChainGeometry, kChainsPerPlaneMax> chains{};

  std::uint64_t tiles_per_plane() const noexcept { return chains[0].tiles + chains[1].tiles; }
  // Rounds of one group: in each, every chain that is not done yet takes one tile.
  std::uint64_t rounds() const noexcept {
    const std::uint64_t second =
        chains_per_plane == 2 ? chains[1].tiles + kChainLagTiles : std::uint64_t{0};
    return chains[0].tiles > second ? chains[0].tiles : second;
  }
};

Geometry make_geometry(std::uint32_t width, std::uint32_t height, std::uint32_t lanes,
                       std::uint32_t chains_per_plane);

// Whether a plane of that size may be split into two chains.
bool two_chains_possible(std::uint32_t width, std::uint32_t height, std::uint32_t lanes) noexcept;

// For each chain, in the order (plane, chain of the plane): the place of each of its tiles
// in the tile order. Groups come one after another; in a group rounds; in a round first
// chains before second ones, and planes in their order.
std::vector<std::vector<std::uint32_t>> tile_places(const Geometry& geometry, std::uint32_t planes,
                                                    std::uint32_t planes_per_group);

}  // namespace slicebank::wave
