// Label maps of the MedSAM layouts: numbers without names. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "importers/importer.h"

namespace slicebank::medsam {

// More different numbers than any label map of 8 bit has; a map with more is none.
inline constexpr std::size_t kLabelsMax = 4096;

// Adds a mask a label of the map at `path`, under its name in `classes` or as "label 7": a
// number, which means nothing in another dataset and so gets a class of the dataset's own.
void add_masks(const std::set<std::uint32_t>& labels,
               const std::map<std::uint32_t, std::string>& classes, const std::string& path,
               SourceItem& item);

}  // namespace slicebank::medsam
