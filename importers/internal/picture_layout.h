// Which folders of a tree hold pictures and which their masks, by their names. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/sidecar.h"

namespace slicebank::internal {

// The same pictures and masks have the same group: the path without the folder that says
// which of them it is. images/train and masks/train are "train", and so are train/images
// and train/masks; imagesTr is "Tr".
struct PictureFolder {
  std::string path;  // relative to the root; empty for the root
  std::string group;
  bool masks = false;
  bool named = false;  // images/ or masks/, by whatever known name; else a plain folder
  std::uint64_t pictures = 0;
  bool suffixed = false;  // holds x.png and x_mask.png

  // Of images: places of their mask folders in PictureLayout::folders; those of a class or
  // of one picture's instances lie one or two groups below.
  std::vector<std::size_t> mask_folders;
  bool owned = false;     // masks: there are images for them
  bool shadowed = false;  // another folder stands where this one would: labels/ beside masks/
};

struct PictureLayout {
  std::vector<PictureFolder> folders;  // with one picture at least; ascending by path
  std::vector<Problem> problems;       // files and folders that are left out

  // Memory grows with the number of folders. Looks at `entries_max` directory entries at
  // most, all of them when 0. Throws Error(limit) beyond 16 levels.
  static PictureLayout of(const std::filesystem::path& root, const Sidecar& sidecar,
                          std::uint64_t entries_max = 0);

  bool any_masks() const;
};

// Picture files of one folder, ascending by name; hidden ones are left out.
std::vector<std::string> picture_names(const std::filesystem::path& root,
                                       const std::string& folder);

}  // namespace slicebank::internal
