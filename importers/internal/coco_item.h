// Pictures that COCO files list, as items. Any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/picture_plan.h"

namespace slicebank::internal {

SourceDescription describe_coco(const SourceTree& source, const std::vector<std::string>& files);

// An item for each image of the files, and a failed one for what fits to nothing: images
// that are not there, annotations of no image, pictures that no file lists.
void scan_coco(const SourceTree& source, const std::vector<std::string>& files,
               const std::function<bool(SourceItem&&)>& emit);

// Whether scan_coco() made the item of this place.
bool is_coco_place(const std::string& place);

// Throws ItemError for the image. Problems of masks: bad-mask, mask-size, too-large.
DecodedItem decode_coco_item(const SourceTree& source, const SourceItem& item,
                             const SampleSink& emit);

}  // namespace slicebank::internal
