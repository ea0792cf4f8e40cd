// JPEG (8 bits, baseline and progressive), both directions, from and to memory. Any thread.
//
// Pixels are those of libjpeg-turbo's accurate transform with smooth chroma, which is what
// Pillow shows. Refused with a reason: 12 bits, lossless, arithmetic and hierarchical
// coding, JPEG-LS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::jpeg {

// What the file says of itself.
struct Header {
  std::uint32_t width = 0;  // as stored: before the orientation is applied
  std::uint32_t height = 0;
  int components = 0;  // 1 gray, 3 colour, 4 inks (CMYK or YCCK)
  bool progressive = false;
  bool adobe = false;   // Adobe wrote it
  int orientation = 1;  // EXIF's: 1 upright, 2 to 8 mirrored or turned
};

// Whether the bytes begin as a JPEG does.
bool is_jpeg(Bytes file);

// Reads all markers and no pixel. Throws as decode() does.
Header read_header(Bytes file, const std::string& name);

// u8; 1 channel for gray, 3 (RGB) for all else: inks become lights as Pillow's convert("RGB")
// does it, taken as inverted, which is how everybody writes them. The EXIF orientation is
// applied: the picture comes out as a viewer shows it. Throws Error(bad_format) or
// Error(limit), beginning with `name`; a truncated file, and anything at which libjpeg only
// warns, is an error, never half a picture.
Image decode(Bytes file, const std::string& name);

// As decode(), but rows and columns stay as stored, whatever EXIF says: for pictures whose
// masks were drawn by a program that does not know EXIF.
Image decode_as_stored(Bytes file, const std::string& name);

// u8 with 1 or 3 channels; anything else is Error(bad_argument). `quality` is 1 to 100;
// chroma is kept at full size. Lossy, even at 100.
std::vector<std::byte> encode(const ImageView& image, int quality = 95);

}  // namespace slicebank::jpeg
