// One PNG image with a PNG for each of its masks, as one sample: what the slice-wise
// layouts have in common. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "importers/importer.h"

namespace slicebank::internal {

struct SlicePlace {
  Axis axis = Axis::none;
  std::uint32_t slice_index = 0;
  std::string name;
};

// Reads image_paths[0] and all masks of `item`. Throws ItemError for the image; a mask
// that cannot be used becomes a problem. Kinds: missing-image, missing-mask, bad-path,
// bad-png, unreadable, too-large, mask-size, mask-colours; notes: empty-mask,
// mask-values, constant-image.
DecodedItem decode_png_slice(const SourceTree& source, const SourceItem& item,
                             const SlicePlace& place, const SampleSink& emit);

// File name without folders and without ".png" (in any case); nothing for another ending.
std::string png_stem(const std::string& path);

}  // namespace slicebank::internal
