// Where a pixel goes: lanes, bands, tiles (docs/format-wave.md, "Order").
//
// A band is as many rows as a 128-bit vector has lanes. Lane l of a plane goes through row l
// of every band in turn and lags l steps behind lane 0, so that the lanes of one step are
// independent. A tile is 16 steps.
#pragma once

#include <cstdint>

namespace slicebank::wave {

inline constexpr std::uint32_t kStepsPerTile = 16;

template <class Pixel>
inline constexpr std::uint32_t kLanes = 16 / sizeof(Pixel);
template <class Pixel>
inline constexpr std::uint32_t kSlotsPerTile = kStepsPerTile* kLanes<Pixel>;

// The shape of one plane; all planes of an image are alike.
struct Geometry {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint64_t bands = 0;
  std::uint64_t tiles = 0;
  // Steps that lane 0 spends in bands whose rows all exist.
  std::uint64_t full_steps = 0;
};

Geometry make_geometry(std::uint32_t width, std::uint32_t height, std::uint32_t lanes) noexcept;

}  // namespace slicebank::wave
