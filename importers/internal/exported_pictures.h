// What slicebank's own exporter `images` writes: index.csv says of each picture and mask
// what they are (docs/exporters/images.md). Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "importers/importer.h"

namespace slicebank::internal {

// Whether index.csv is there and begins as the exporter's does.
bool is_exported_folder(const std::filesystem::path& root);

// Datasets and classes by classes.json, in its order. Throws Error for an index or a list
// of classes that cannot be read.
SourceDescription describe_exported(const SourceTree& source);

// An item for each picture of the index, in its order. Memory grows with the index.
void scan_exported(const SourceTree& source, const std::function<bool(SourceItem&&)>& emit);

// Whether scan_exported() made the item of this place.
bool is_exported_place(const std::string& place);

DecodedItem decode_exported(const SourceTree& source, const SourceItem& item,
                            const DecodeOptions& options, const SampleSink& emit);

}  // namespace slicebank::internal
