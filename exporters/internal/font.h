// The letters of pictures: printable ASCII, drawn for this project.
#pragma once

#include <cstdint>

namespace slicebank {

inline constexpr std::uint32_t kCellWidth = 6;    // pixels, with the gap to the next letter
inline constexpr std::uint32_t kCellHeight = 10;  // pixels, with the gap to the next line
inline constexpr std::uint32_t kGlyphWidth = 5;
inline constexpr std::uint32_t kGlyphHeight = 9;  // seven above the base line, two below

// Whether the pixel (x, y) of the letter's glyph is ink; x < kGlyphWidth, y <
// kGlyphHeight. A character outside of ' ' to '~' is an empty box.
bool glyph_ink(char letter, std::uint32_t x, std::uint32_t y);

}  // namespace slicebank
