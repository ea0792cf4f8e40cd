// What tells that an item did not change since it was imported. Any thread.
#pragma once

#include <cstdint>

#include "importers/import.h"
#include "importers/importer.h"

namespace slicebank::internal {

struct Fingerprint {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// Over the path, size and time of every file of the item, and of the data files that its
// headers name, and over what the lists say of it: dataset, patient, volume, classes, and
// over how its slices are to be made. Reads no file but such headers, only asks for its
// stamp; a file that is absent or may not be opened counts as such.
Fingerprint fingerprint_of(const SourceTree& source, const SourceItem& item,
                           const DecodeOptions& options, const SliceOptions& slices);

// The fingerprint that is kept for an item that failed: the files and the reason, so that
// failing again for the same reason changes nothing in the bank.
Fingerprint failed_fingerprint(const Fingerprint& files, const std::vector<Problem>& problems);

// Whether `kept` is what failed_fingerprint() made of these files.
bool failed_with(const Fingerprint& kept, const Fingerprint& files);

}  // namespace slicebank::internal
