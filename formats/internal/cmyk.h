// Four inks to three lights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

// u8 cyan, magenta, yellow, black (255 is full ink) to red, green, blue, with the rounding
// of Pillow's convert("RGB"): no profile, black taken off each light.
std::vector<std::byte> cmyk_to_rgb(Bytes cmyk);

// 255 - value, in place: Adobe writes inks the other way round into JPEG.
void invert(std::vector<std::byte>& values);

}  // namespace slicebank::internal
