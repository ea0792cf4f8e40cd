#include "formats/internal/cmyk.h"

namespace slicebank::internal {

std::vector<std::byte> cmyk_to_rgb(Bytes cmyk) {
  std::vector<std::byte> rgb(cmyk.size() / 4 * 3);
  for (std::size_t pixel = 0; pixel < cmyk.size() / 4; ++pixel) {
    const int paper = 255 - std::to_integer<int>(cmyk[4 * pixel + 3]);
    for (std::size_t ink = 0; ink < 3; ++ink) {
      // ink * paper / 255, rounded to the nearest.
      const int product = std::to_integer<int>(cmyk[4 * pixel + ink]) * paper + 128;
      rgb[3 * pixel + ink] = static_cast<std::byte>(paper - (((product >> 8) + product) >> 8));
    }
  }
  return rgb;
}

void invert(std::vector<std::byte>& values) {
  for (std::byte& value : values) value = ~value;
}

}  // namespace slicebank::internal
