// DICOM segmentations and structure sets as masks of the images that they refer to. Any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/dicom_seg.h"
#include "formats/dicom_series.h"
#include "importers/importer.h"
#include "importers/internal/dicom_tree.h"
#include "importers/internal/volume_item.h"

namespace slicebank::internal {

// Adds the masks of every SEG and RTSTRUCT of the tree to the item of its images. `items`
// are those of tree.items, in their order. An object whose images are not there, or that
// cannot be read, is given as a failed item.
std::vector<SourceItem> attach_dicom_masks(const SourceTree& source, const DicomTree& tree,
                                           std::vector<SourceItem>& items);

// An image that was read: where its slices lie, and the files that they are from.
struct DicomGrid {
  dicom::SeriesVolume volume;              // of a picture: one slice, without a place
  std::vector<dicom::Instance> instances;  // slices refer to them
};

// Reads the masks of `item` onto its image. Problems: missing-mask, bad-mask, mask-grid,
// rtstruct; their classes are unread. Notes: mask-outside, fractional, rtstruct.
std::vector<LabelMap> read_dicom_masks(const SourceTree& source, const SourceItem& item,
                                       const DicomGrid& grid, DecodedItem& decoded);

}  // namespace slicebank::internal
