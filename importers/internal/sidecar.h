// slicebank.json: what a folder of pictures cannot say of itself (docs/importers/images.md).
// Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"
#include "importers/internal/name_pattern.h"
#include "importers/internal/picture_item.h"

namespace slicebank::internal {

inline constexpr const char* kSidecarFile = "slicebank.json";

struct SidecarClass {
  std::string name;
  std::string code;                   // "3", "#ff0000", or empty
  std::vector<std::uint32_t> values;  // in a label map; 0xRRGGBB of a colour
  std::string folder;                 // masks/<folder>/, where it is not the name
};

enum class MaskMeaning {
  unstated,   // seen from the first masks
  binary,     // all but 0 is the one class
  labels,     // a number is a class
  colours,    // a colour is a class
  instances,  // a number is an instance of the one class
};

struct Sidecar {
  bool there = false;
  DatasetInfo dataset;  // what is said of it; the name may be empty
  std::string modality;
  std::vector<SidecarClass> classes;
  bool classes_complete = false;  // "complete": every class was looked for in every picture

  MaskMeaning meaning = MaskMeaning::unstated;
  std::string mask_class;  // of a binary mask without a class folder
  std::optional<double> threshold;
  std::vector<std::uint32_t> ignored;
  std::string image_folder;  // instead of the known names
  std::string mask_folder;
  std::vector<std::string> mask_suffixes;  // besides the known ones
  Orientation orientation = Orientation::by_masks;

  NamePattern patient;  // over the path without its ending
  NamePattern volume;
  NamePattern slice;
  NamePattern split;
  std::string metadata;  // the CSV; empty: metadata.csv where that is there
};

// Without the file, a Sidecar of defaults. Throws Error(bad_format), naming file and key,
// for a value that cannot be understood or a key that is not known: a typo in it would
// otherwise change the meaning of masks in silence.
Sidecar read_sidecar(const SourceTree& source);

}  // namespace slicebank::internal
