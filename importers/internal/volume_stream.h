// Volume items whose files are read front to back, each slice given away as soon as it is
// inflated: neither the image nor its label map is ever held whole. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"
#include "importers/internal/volume_item.h"

namespace slicebank::internal {

// Reads the maps of an item whole, on the grid of an image without voxels.
using ReadMaps = std::function<std::vector<LabelMap>(const Volume& image, DecodedItem& decoded)>;

// What decode_volume_item() does. Nothing, and nothing was given to `emit`, where an item
// is not of the kind that can be read so (NIfTI files in the order of the wanted slices, all
// on one grid) or something is wrong with it that is found before its first slice. Throws
// StartAgain for what is found later.
//
// A single label map is read along with the image; several are asked of `read_maps`.
std::optional<DecodedItem> stream_volume_item(const SourceTree& source, const SourceItem& item,
                                              const VolumeRequest& request,
                                              const DecodeOptions& options, const SampleSink& emit,
                                              const ReadMaps& read_maps);

}  // namespace slicebank::internal
