// COCO's masks: run lengths in column order, and polygons. Any thread.
//
// A polygon becomes the pixels that pycocotools' annToMask gives it, bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/sample.h"

namespace slicebank::coco {

// Runs of 0 and 1 in turn, down the columns from the left: the first is of zeros and may be
// empty. In `counts` of what these functions return, no other run is, and the sum is
// height * width.
struct Rle {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  std::vector<std::uint32_t> counts;

  friend bool operator==(const Rle&, const Rle&) = default;
};

// The numbers of an uncompressed segmentation, {"size": [height, width], "counts": [...]}.
// Throws Error(bad_format) when they do not add up to the picture, Error(limit) for a picture
// beyond schema/limits.h; `what` begins the message here and below.
Rle from_counts(std::span<const std::uint64_t> counts, std::uint32_t height, std::uint32_t width,
                const std::string& what);

// The string of a compressed one. Throws as from_counts(), and for what is no such string.
Rle from_string(std::string_view text, std::uint32_t height, std::uint32_t width,
                const std::string& what);
std::string to_string(const Rle& rle);

// mask_hw.size() == height * width; anything but 0 is inside.
Rle from_mask(std::span<const std::uint8_t> mask_hw, std::uint32_t height, std::uint32_t width);
std::vector<std::uint8_t> to_mask(const Rle& rle);  // 0 and 1, height x width

// The union of polygons, each x0, y0, x1, y1, ... in pixels, closed by itself; pixel (0, 0)
// has its centre at (0.5, 0.5). Even-odd inside one polygon. What lies outside of the picture
// is cut off. Throws Error(bad_format) for fewer than three corners, an odd count, or a
// number that is not finite or absurd; time grows with the picture, not with the numbers.
std::vector<std::uint8_t> mask_from_polygons(std::span<const std::vector<double>> polygons,
                                             std::uint32_t height, std::uint32_t width,
                                             const std::string& what);

std::uint64_t area(const Rle& rle) noexcept;
Box box(const Rle& rle) noexcept;  // smallest that holds all; all 0 when empty

}  // namespace slicebank::coco
