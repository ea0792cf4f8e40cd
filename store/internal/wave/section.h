// The image section in bytes: header, sizes, raw blocks, frames (docs/format-wave.md).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "schema/sample.h"
#include "store/internal/wave/geometry.h"
#include "store/internal/wave/tile_kinds.h"

namespace slicebank::wave {

inline constexpr std::uint8_t kProfile = 1;

enum class Transform : std::uint8_t { none = 0, subtract_green = 1 };

// How channels map to coded planes. Flag bits of the header.
inline constexpr std::uint8_t kFlagEqual = 1;       // one plane serves every channel
inline constexpr std::uint8_t kFlagReferences = 2;  // a channel may share an earlier plane
inline constexpr std::uint8_t kFlagRanks = 4;       // the plane holds ranks of used values
inline constexpr std::uint8_t kFlagsKnown = 7;

struct SectionHeader {
  Transform transform = Transform::none;
  std::uint32_t planes = 1;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 32> plane_of_channel{};  // always filled
  std::array<std::uint16_t, 32> bias_of_plane{};    // 16 bit; 8 bit: the flip of i8
  std::array<std::uint8_t, 32> used_values{};       // bit v % 8 of byte v / 8; with kFlagRanks
};

// The sizes of the streams. Slots as in map_class_slot().
struct StreamSizes {
  std::array<std::uint64_t, kClassSlots> tiles{};
  std::array<std::uint64_t, kClassSlots> symbols{};  // flat-coded slots: over all planes
  // Of flat-coded classes: [id * 32 + plane]; empty when there is none.
  std::vector<std::uint64_t> symbols_of_plane;
  std::uint64_t escapes = 0;
  std::uint64_t exceptions = 0;
  std::uint64_t gap_bytes = 0;

  bool has(std::uint32_t slot) const { return tiles[slot] != 0; }
  // Symbols that a plane takes of flat-coded class `id`.
  std::uint64_t& plane_symbols(std::uint32_t id, std::size_t plane) {
    if (symbols_of_plane.empty()) symbols_of_plane.resize(kFlatFamily * 32);
    return symbols_of_plane[id * 32 + plane];
  }
  std::uint64_t plane_symbols(std::uint32_t id, std::size_t plane) const {
    return symbols_of_plane.empty() ? 0 : symbols_of_plane[id * 32 + plane];
  }
  // Bytes of a class before compression.
  std::uint64_t coded_bytes(std::uint32_t slot, std::uint32_t slots_per_tile) const;
  // Bytes of its raw block.
  std::uint64_t raw_bytes(std::uint32_t slot, std::uint32_t slots_per_tile) const;
};

// The zstd frames in their order: map, escapes, gaps, values, then classes by slot. Only
// those that are there have bytes.
inline constexpr std::size_t kFrameMap = 0;
inline constexpr std::size_t kFrameEscapes = 1;
inline constexpr std::size_t kFrameGaps = 2;
inline constexpr std::size_t kFrameValues = 3;
inline constexpr std::size_t kFrameClasses = 4;  // + slot
inline constexpr std::size_t kFrames = kFrameClasses + kClassSlots;

// A section taken apart. Spans point into the section.
struct Section {
  SectionHeader header;
  Geometry geometry;
  StreamSizes sizes;
  std::uint64_t tiles = 0;  // of all planes
  Bytes raw2;
  Bytes raw4;
  std::array<Bytes, kFlatFamily> flat_raw;
  std::array<Bytes, kFrames> frames;
  // Bytes each frame must give; 0: the frame is not there.
  std::array<std::uint64_t, kFrames> frame_sizes{};
};

// Checks every field against the shape and every other field, so that all sizes hold
// together and the bytes are used up exactly. Error(corrupt) otherwise.
Section parse_section(const ImageShape& shape, Bytes bytes);

// Inverse of parse_section: `frames` and raw blocks hold bytes already.
std::vector<std::byte> write_section(const ImageShape& shape, const Section& section);

// Bytes each frame has before compression, from the sizes.
std::array<std::uint64_t, kFrames> frame_sizes(const StreamSizes& sizes, std::uint64_t tiles,
                                               std::uint32_t slots_per_tile);

}  // namespace slicebank::wave
