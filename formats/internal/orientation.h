// The eight ways a camera or scanner may have held a picture (EXIF and TIFF tag 274).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

// Whether rows become columns: 5 to 8.
constexpr bool orientation_swaps_sides(int orientation) noexcept {
  return orientation >= 5 && orientation <= 8;
}

// Pixels of `pixel_bytes` turned so that the first row is the top and the first column the
// left side. 1, and any number that is none of 2 to 8, leaves them as they are. `height` and
// `width` become those of the result.
std::vector<std::byte> upright(std::vector<std::byte> pixels_hw, std::uint32_t& height,
                               std::uint32_t& width, std::size_t pixel_bytes, int orientation);

}  // namespace slicebank::internal
