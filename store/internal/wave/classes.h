// Which kind and class each tile gets (docs/format-wave.md, "What an encoder chooses").
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "store/internal/wave/kernels.h"
#include "store/internal/wave/tile_kinds.h"

namespace slicebank::wave {

// Every tile of an image in tile order: its residuals and what is known of them. Points into
// memory of whoever made it; filled as AnalysisJob says.
template <class Pixel>
struct TileTable {
  std::span<TileFacts> facts;
  std::span<Pixel> residuals;
  std::span<std::uint16_t> flat_masks;
  std::span<std::uint16_t> exception_masks;

  std::size_t tiles() const { return facts.size(); }
};

// Prices in sixteenths of a bit; they stand for decoding time.
struct ClassOptions {
  std::uint32_t flat_tile_price = 24 * 16;
  std::uint32_t exception_price = 16 * 16;
  std::uint32_t coded_byte_price = 11;
  std::uint32_t passes = 1;              // of reassignment by code length
  std::uint64_t bytes_a_class = 24576;   // a kind gets one more class for so many bytes
  std::uint64_t bytes_of_a_kind = 4096;  // a kind with fewer is dissolved
};

// Slot of each tile: 0 for zero tiles, else as in map_class_slot().
template <class Pixel>
std::vector<std::uint8_t> assign_classes(const TileTable<Pixel>& table,
                                         const ClassOptions& options);

}  // namespace slicebank::wave
