// Which mask belongs to which volume in a tree of volume files, by their names alone: what
// the layouts without a layout have in common (docs/importers/nifti.md). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

struct VolumeMaskFile {
  std::string path;
  std::string class_name;  // where a folder or the file's name says it; else empty
};

struct PairedVolume {
  std::string path;
  std::string key;       // the path without its ending; unique
  std::string patient;   // BIDS sub-XX, or what is left of the name without its marks
  std::string modality;  // a word that the taxonomy knows, or empty
  std::string split;     // as a folder says, or empty
  std::vector<VolumeMaskFile> masks;
};

struct VolumePairs {
  std::vector<PairedVolume> volumes;  // ascending by path
  std::vector<Problem> problems;      // unpaired-mask; notes: other-*
  std::size_t others = 0;             // images of other volume formats
};

// `endings` are those of the images, in lower case; masks may be of any volume format.
// Looks at `entries_max` names at most. Memory grows with the number of files, by some
// hundred bytes each.
VolumePairs pair_volumes(const SourceTree& source, const std::vector<std::string_view>& endings,
                         std::uint64_t entries_max = ~0ull);

}  // namespace slicebank::internal
