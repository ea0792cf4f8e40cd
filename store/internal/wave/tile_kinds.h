// What a tile can be, and which class ids name it (docs/format-wave.md, "Tiles").
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace slicebank::wave {

// How the residuals of a tile are written. The values are indices, not stored.
enum class Kind : std::uint8_t { full, nibble, crumb, nibble_raw2, nibble_raw4 };
inline constexpr std::size_t kKinds = 5;

// Bits of a symbol that go through the entropy coder, and bits beside it that do not.
inline constexpr std::array<std::uint32_t, kKinds> kCodedBits = {8, 4, 2, 4, 4};
inline constexpr std::array<std::uint32_t, kKinds> kRawBits = {0, 0, 0, 2, 4};

static constexpr std::uint32_t coded_bits(Kind kind) {
  return kCodedBits[static_cast<std::size_t>(kind)];
}
static constexpr std::uint32_t raw_bits(Kind kind) {
  return kRawBits[static_cast<std::size_t>(kind)];
}

// Class ids 1 to 13; 0 is the zero tile. A class is one zstd frame.
inline constexpr std::uint32_t kClassIdMax = 13;
inline constexpr std::array<std::uint32_t, kKinds> kFirstClass = {1, 4, 7, 9, 12};
inline constexpr std::array<std::uint32_t, kKinds> kClassBudget = {3, 3, 2, 3, 2};

static constexpr Kind kind_of_class(std::uint32_t id) {
  return id < 4    ? Kind::full
         : id < 7  ? Kind::nibble
         : id < 9  ? Kind::crumb
         : id < 12 ? Kind::nibble_raw2
                   : Kind::nibble_raw4;
}

// Plain and flat-coded classes in one index: id, or 16 + id when flat-coded.
inline constexpr std::uint32_t kFlatFamily = 16;
inline constexpr std::uint32_t kClassSlots = 32;

// A tile's byte in the map: class | predictor << 4 | flat << 7.
inline constexpr std::uint32_t kMapClassMask = 0x0f;
inline constexpr std::uint32_t kMapFlatBit = 0x80;
static constexpr std::uint32_t map_class_slot(std::uint32_t byte) {
  return (byte & kMapClassMask) | ((byte & kMapFlatBit) >> 3);
}
static constexpr std::uint32_t map_predictor(std::uint32_t byte) { return byte >> 4 & 7; }

inline constexpr std::uint32_t kPredictors = 5;

// 16 bit: the symbol of a full tile that says "the next escape".
inline constexpr std::uint32_t kEscapeSymbol = 255;

// A gap byte that says "add 255 and go on".
inline constexpr std::uint32_t kGapContinues = 255;

// Bytes of `symbols` symbols of `bits` bits that share bytes.
static constexpr std::uint64_t packed_bytes(std::uint64_t symbols, std::uint32_t bits) {
  return (symbols * bits + 7) / 8;
}

}  // namespace slicebank::wave
