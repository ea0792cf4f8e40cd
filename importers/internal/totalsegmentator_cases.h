// The scans of a TotalSegmentator folder and their masks. Any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "importers/importer.h"

namespace slicebank::totalsegmentator {

inline constexpr const char* kMasksFolder = "segmentations";

struct Case {
  std::string folder;
  std::string name;
  std::string image;     // path; empty: it is not there
  std::string modality;  // "CT", "MR"
  std::vector<MaskSource> masks;
  std::vector<Problem> problems;
};

// Calls `visit` for each case, ascending; false ends it. A scan in the root itself is the
// only one.
void for_each_case(const SourceTree& source, const std::function<bool(Case&&)>& visit);

// By the classes of the first case that has enough of them to tell: the same people were
// labelled twice, with other classes, so the editions are datasets of their own.
std::string dataset_of(const SourceTree& source);

// Looks for a scan in the root and in some of its folders.
Recognition recognise_scans(const std::filesystem::path& root);

}  // namespace slicebank::totalsegmentator
