// Which mask belongs to which picture of a folder, by their names. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/picture_layout.h"

namespace slicebank::internal {

struct PairedMask {
  std::string path;
  std::string class_folder;  // of masks/<class>/x.png; empty: there is none
  std::uint32_t instance = 0;
};

struct PairedPicture {
  std::string path;
  std::vector<PairedMask> masks;
};

struct FolderPairs {
  std::vector<PairedPicture> pictures;  // ascending by path
  std::vector<Problem> unpaired;        // masks of no picture: unpaired-mask, duplicate-mask
};

// Of the images folder `images` of `layout`; holds the names of it and of its mask folders.
//
// A mask is x.png, x_mask.png or the like for a picture x.jpg, in the mask folder, in that
// of a class below it, or beside the picture; or lies in a folder called x, with the other
// instances of that picture, or alone with one picture whose instances they all are.
FolderPairs pair_folder(const std::filesystem::path& root, const PictureLayout& layout,
                        std::size_t images, const Sidecar& sidecar);

}  // namespace slicebank::internal
