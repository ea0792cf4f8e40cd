// PNG, both directions, from and to memory. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::png {

// What the file says of itself.
struct Header {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int bit_depth = 0;    // 1, 2, 4, 8, 16
  int colour_type = 0;  // PNG's: 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA
  bool interlaced = false;
};

struct Decoded {
  Header header;
  Image image;  // u8, or u16 for 16 bit; see decode()
};

// Whether the bytes begin with PNG's signature.
bool is_png(Bytes file);

// Decodes without gamma, without strip, without palette expansion: gray of 1, 2 and 4
// bits keeps its numbers (0 and 1 for 1 bit), a palette image gives its indices (one
// channel: for a mask the index is the class), tRNS adds no channel. 16 bit comes out
// little-endian. Channels: 1 gray or palette, 2, 3, 4. Throws Error(bad_format) or
// Error(limit), beginning with `name`; a truncated file is an error, never half a picture.
Decoded decode(Bytes file, const std::string& name);

// As decode(), but a palette is expanded to its colours (RGB): for photographs.
Decoded decode_expanding_palette(Bytes file, const std::string& name);

// u8 or u16; 1, 2, 3 or 4 channels; anything else is Error(bad_argument). `level` is
// zlib's 0 to 9. Same image, same bytes for one libpng and zlib release.
std::vector<std::byte> encode(const ImageView& image, int level = 6);

}  // namespace slicebank::png
