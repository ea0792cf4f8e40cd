// One picture with its mask pictures as samples: what the picture layouts have in common.
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/mask_picture.h"
#include "importers/internal/picture_file.h"

namespace slicebank::internal {

// What scan() tells decode() in SourceItem::place.
struct PicturePlace {
  Axis axis = Axis::none;
  std::uint32_t slice_index = 0;
  Orientation orientation = Orientation::by_masks;
  bool instances = false;  // each number of a mask is an instance of its one class
  MaskRule rule{};
  std::vector<std::uint32_t> ignored{};  // numbers of a mask that count as 0
  std::string name{};                    // the sample's

  bool ignores(std::uint32_t value) const noexcept;
  std::string text() const;
  static PicturePlace parse(const std::string& text);
};

// Reads image_paths[0], and each mask file of `item` once: a mask without `values` is all
// but 0 (or, with place.instances, every number an instance), one with values the pixels
// that have one of them. A TIFF of several pages is a volume, cut into its slices, and so
// are its masks. Throws ItemError for the image as picture_file.h does. Problems of masks:
// those of decode_mask_picture(), missing-mask, bad-path, mask-size, unknown-class; notes:
// empty-mask, mask-values, constant-image, exif-orientation.
DecodedItem decode_picture_item(const SourceTree& source, const SourceItem& item,
                                const PicturePlace& place, const DecodeOptions& options,
                                const SampleSink& emit);

// The labels of the item, for a sample.
std::vector<Label> labels_of(const SourceItem& item);

// All pixels have one value, and there are several.
bool is_constant(const Image& image);

}  // namespace slicebank::internal
