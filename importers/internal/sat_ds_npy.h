// The arrays of SAT-DS's step 4: an image (c, h, w, d) and, for each label that is there, a
// boolean array of its box. Any thread.
#pragma once

#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/sat_ds_rows.h"

namespace slicebank::sat_ds {

// What decode_renorm() needs beside the item's paths: the size, and the boxes of its masks.
std::string place_of_boxes(const std::array<std::uint32_t, 4>& size_chwd,
                           const std::vector<Box>& boxes);

// Whether `place` is one of those.
bool is_place_of_boxes(const std::string& place);

// Emits the slices of an item whose masks are the labels with a box, in that order; h, w, d
// are x, y, z. Throws ItemError for the image: missing-image, bad-volume, too-large, ... A
// mask that cannot be used becomes a problem (missing-mask, bad-mask, mask-size), and its
// class unread.
DecodedItem decode_renorm(const SourceTree& source, const SourceItem& item,
                          const DecodeOptions& options, const SampleSink& emit);

}  // namespace slicebank::sat_ds
