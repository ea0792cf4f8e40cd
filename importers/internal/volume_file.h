// Volume files by their kind, and what a directory of them needs: names and endings.
// Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/nifti.h"
#include "formats/source_tree.h"
#include "formats/volume.h"
#include "importers/internal/picture_volume.h"

namespace slicebank::internal {

struct VolumeFile {
  Volume volume;  // as stored; slope and intercept beside it
  std::vector<std::uint64_t> dims;
  std::map<std::uint32_t, std::string> label_names;           // where the file carries them
  std::vector<std::string> notes;                             // what was odd and mended
  std::optional<std::array<std::uint32_t, 3>> extent_offset;  // see nrrd::Header
};

// ".nii", ".nii.gz", ".hdr", ".hdr.gz", ".mha", ".mhd", ".nrrd", ".nhdr" (in any case, as
// written), or empty for another ending.
std::string volume_ending(std::string_view path);

// Where the voxels of a .hdr or .hdr.gz may lie: beside it, in each spelling. Nothing for
// another ending.
std::vector<std::string> images_of_header(std::string_view path);

// The file name without folders and ending; for an ending that volume_ending() does not
// know, without what follows the last dot.
std::string volume_stem(std::string_view path);

// Decodes NIfTI (.img beside a .hdr), MetaImage and NRRD with their data files, npy (an
// array (D, H, W), without a place in space), PNG and TIFF; the bytes tell which. Throws
// Error as the formats and SourceTree do.
VolumeFile read_volume(const SourceTree& source, const std::string& path,
                       VolumeUse use = VolumeUse::image);

// What read_volume() notes of a NIfTI file.
std::vector<std::string> notes_of(const nifti::Header& header);

// The same without voxels: size, type, geometry. Reads the whole file all the same where
// it is compressed as one piece.
VolumeFile scan_volume(const SourceTree& source, const std::string& path);

// A stack whose first dimension is the class, (c, x, y, z) as SAT-DS writes it: the same
// voxels as a volume of c channels. The affine's fourth column and scale stay; they were
// those of (x, y, z) all along.
Volume with_channels_first(Volume volume);

}  // namespace slicebank::internal
