// A folder of volume files and masks without a layout of its own: what the importers
// nifti and metaimage have in common. Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "importers/importer.h"

namespace slicebank::internal {

struct PairedLayout {
  std::string_view word;                  // what such a volume is called: "NIfTI"
  std::vector<std::string_view> endings;  // of images, in lower case
  int score = 0;                          // of a folder with masks; one less without

  Recognition recognise(const std::filesystem::path& root) const;
  SourceDescription describe(const SourceTree& source) const;
  void scan(const SourceTree& source, const std::function<bool(SourceItem&&)>& emit) const;
  DecodedItem decode(const SourceTree& source, const SourceItem& item, const DecodeOptions& options,
                     const SampleSink& emit) const;
};

}  // namespace slicebank::internal
