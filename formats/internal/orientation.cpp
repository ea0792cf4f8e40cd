#include "formats/internal/orientation.h"

#include <cstring>
#include <utility>

namespace slicebank::internal {

std::vector<std::byte> upright(std::vector<std::byte> pixels_hw, std::uint32_t& height,
                               std::uint32_t& width, std::size_t pixel_bytes, int orientation) {
  if (orientation < 2 || orientation > 8) return pixels_hw;
  // The tag says where the stored row 0 and column 0 are seen: 2 top right, 3 bottom right,
  // 4 bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom.
  const bool swaps = orientation_swaps_sides(orientation);
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const std::uint32_t out_height = swaps ? width : height;
  const std::uint32_t out_width = swaps ? height : width;
  std::vector<std::byte> out(pixels_hw.size());
  std::byte* to = out.data();
  for (std::uint32_t y = 0; y < out_height; ++y) {
    const std::uint32_t seen_y = from_bottom ? out_height - 1 - y : y;
    for (std::uint32_t x = 0; x < out_width; ++x, to += pixel_bytes) {
      const std::uint32_t seen_x = from_right ? out_width - 1 - x : x;
      const std::uint64_t row = swaps ? seen_x : seen_y;
      const std::uint64_t column = swaps ? seen_y : seen_x;
      std::memcpy(to, pixels_hw.data() + (row * width + column) * pixel_bytes, pixel_bytes);
    }
  }
  height = out_height;
  width = out_width;
  return out;
}

}  // namespace slicebank::internal
