// The encoder with its choices in the open, for tests and for the efforts of wave.h.
#pragma once

#include <vector>

#include "schema/sample.h"
#include "store/internal/wave/classes.h"

namespace slicebank::wave {

struct EncoderOptions {
  ClassOptions classes;
  // Prices of colour planes, which decode more slowly and have more flat tiles.
  std::uint32_t colour_flat_tile_price = 64 * 16;
  std::uint32_t colour_exception_price = 22 * 16;
  bool use_ranks = true;
  // Below so many eighths of a bit a sample, frames are also tried with matches.
  std::uint32_t matches_below_eighths = 2;
  int match_level = 3;
};

// One image section, smallest or not. The image must suit.
std::vector<std::byte> encode_with(const ImageView& image, const EncoderOptions& options);

}  // namespace slicebank::wave
