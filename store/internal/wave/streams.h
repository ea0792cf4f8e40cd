// From classified tiles to the byte streams of a section.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "store/internal/wave/classes.h"
#include "store/internal/wave/section.h"

namespace slicebank::wave {

struct TileStreams {
  StreamSizes sizes;
  std::vector<std::uint8_t> raw2;
  std::vector<std::uint8_t> raw4;
  std::array<std::vector<std::uint8_t>, kFlatFamily> flat_raw;
  std::array<std::vector<std::uint8_t>, kFrames> frames;  // before compression
};

// `slots` as assign_classes() gave them; `planes` have equally many tiles each.
template <class Pixel>
TileStreams build_streams(const TileTable<Pixel>& table, const std::vector<std::uint8_t>& slots,
                          std::uint32_t planes);

}  // namespace slicebank::wave
