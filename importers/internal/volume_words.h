// What the names of volume files and of their folders say. Any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slicebank::internal {

// One name without its ending, taken apart.
struct VolumeName {
  std::string stem;
  bool mask = false;     // it says so itself: x_seg, segmentation-0, mask
  std::string base;      // without what says that it is a mask, an image, or of a modality
  std::string modality;  // a word at its end or the whole of it: "T1w", "ct"; or empty
};
VolumeName volume_name(std::string_view stem);

// BIDS: entities in order and the suffix; nothing for another name.
struct BidsName {
  std::map<std::string, std::string> entities;  // "sub" -> "01"
  std::string suffix;                           // "T1w", "dseg"
  bool mask = false;
};
std::optional<BidsName> bids_name(std::string_view stem);

// Where a file stands.
struct VolumeFolder {
  bool masks = false;              // below labels/ or the like
  std::vector<std::string> scope;  // folders without the one that says images or masks
  std::size_t below = 0;           // how many of them stand below that one
  std::string split;               // as written; "Tr" is train
  std::string modality;            // of a folder called so
  std::string person;              // folders that are neither split nor modality
};
VolumeFolder volume_folder(std::string_view folder);

// Whether `word` is a modality or sequence that a volume file may be called after.
bool is_volume_modality(std::string_view word);

}  // namespace slicebank::internal
