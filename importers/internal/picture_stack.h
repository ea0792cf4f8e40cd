// A TIFF of several pages as a volume, with masks of as many pages. Any thread.
#pragma once

#include <string>

#include "importers/importer.h"
#include "importers/internal/picture_item.h"

namespace slicebank::internal {

// Whether these bytes are a TIFF of more than one page. False also for a damaged one:
// decoding will say what it is.
bool is_stack(Bytes file, const std::string& path);

// As decode_picture_item(); pages are slices along z. Of the rule of `place` the threshold
// counts; colours and instances are for flat pictures (problem mask-colours, mask-pages).
DecodedItem decode_picture_stack(const SourceTree& source, const SourceItem& item,
                                 const PicturePlace& place, Bytes file,
                                 const DecodeOptions& options, const SampleSink& emit);

}  // namespace slicebank::internal
