// The codec `planes` and the mappings of `mapped`, for pixels wider than the wave codec
// takes. docs/format-record.md, "Planes" and "Mapped".
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "schema/sample.h"
#include "store/record.h"

namespace slicebank {

// u32, i32, f32, f64: differences to the pixel above, split into byte planes.
std::vector<std::byte> encode_planes(const ImageView& image, Effort effort);
void decode_planes(const ImageShape& shape, Bytes section, MutableBytes out_hwc);

// How wider pixels become narrower ones. Values are stored on disk; only ever append.
enum class Mapping : std::uint8_t {
  integers = 1,   // u32, i32, f32, f64 that are integers in a span of 65536 -> u16
  ordered_half,   // f16 -> u16 in the order of their values
  single_double,  // f64 that are all exact in f32 -> f32
};

struct MappedImage {
  Mapping mapping{};
  std::int64_t bias = 0;  // integers only: the least value
  Image image;
};

// The first mapping that gives every bit pattern back; nothing when none does.
std::optional<MappedImage> map_image(const ImageView& image);

// Type of the mapped pixels; nothing when the mapping does not suit `type`.
std::optional<PixelType> mapped_type(Mapping mapping, PixelType type) noexcept;

// Inverse: writes pixels of `type`. `bias` as map_image() gave it.
void unmap_image(PixelType type, Mapping mapping, std::int64_t bias, Bytes mapped,
                 MutableBytes out_hwc);

}  // namespace slicebank
