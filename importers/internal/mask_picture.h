// Masks that are pictures: PNG, TIFF and, where a threshold is given, JPEG. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

enum class PictureKind { unknown, png, jpeg, tiff };

// By the first bytes, whatever the file is called.
PictureKind picture_kind(Bytes file);

// How the pixels of a mask are meant.
struct MaskRule {
  bool colours = false;             // a class is a colour: its number is 0xRRGGBB
  std::optional<double> threshold;  // inside is what is this or more: 1, the rest is 0
};

// One whole number a pixel, as one channel of u8, u16 or u32: gray as written, a palette's
// index, a colour's red where red, green and blue are equal. Alpha is left out. Throws
// ItemError with `path`: bad-mask (damaged, or numbers that are not whole or negative),
// jpeg-mask (no threshold: JPEG blurs the numbers), mask-colours (colours, but the rule
// has none), mask-pages (a TIFF of several pages), too-large.
Image decode_mask_picture(Bytes file, const std::string& path, const MaskRule& rule);

// Throws ItemError (bad-mask) where `data` holds floats that are not whole numbers: such a
// mask holds probabilities, and rounding them would be a guess.
void check_whole_numbers(Bytes data, PixelType type, const std::string& path);

// What the numbers of a mask are, seen as one plane.
struct Foreground {
  std::vector<std::uint8_t> mask_hw;  // 1 where the number is not 0
  std::uint32_t largest = 0;
  bool several = false;  // other numbers than 0 and `largest`
};

// Of the first channel; u8, u16 or u32.
Foreground foreground_of(const Image& image);

// False when red, green and blue differ somewhere. Alpha does not count.
bool colours_equal(const Image& image);

}  // namespace slicebank::internal
