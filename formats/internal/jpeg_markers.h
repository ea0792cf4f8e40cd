// What a JPEG's markers say, read without decoding a pixel.
#pragma once

#include <cstdint>
#include <string>

#include "schema/sample.h"

namespace slicebank::internal {

struct JpegMarkers {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  int components = 0;
  std::uint64_t blocks = 0;  // whole ones of 8 x 8 numbers, of all components
  bool progressive = false;
  bool adobe = false;   // an APP14 marker of Adobe's
  int orientation = 1;  // EXIF's, 1 to 8; 1 where it is absent or makes no sense
};

// Walks all markers to the end of the image. Throws Error(bad_format), beginning with `name`:
// no JPEG; 12 bits, lossless, arithmetic or hierarchical coding; no picture, two pictures'
// frames, a component without a scan, more than 100 scans, no end marker.
JpegMarkers read_jpeg_markers(Bytes file, const std::string& name);

// The orientation in an EXIF block (a small TIFF of either byte order, behind "Exif\0\0"),
// 1 where there is none.
int exif_orientation(Bytes tiff);

}  // namespace slicebank::internal
