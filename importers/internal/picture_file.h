// A picture as a file: PNG, JPEG or TIFF, known by its bytes. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/source_tree.h"
#include "importers/importer.h"

namespace slicebank::internal {

// ".png", ".jpg", ".jpeg", ".tif", ".tiff" in any case, as written, or empty for another
// ending and for a name that begins with a dot.
std::string picture_ending(std::string_view path);

// The file name without folders and that ending.
std::string picture_stem(std::string_view path);

// The file name without folders.
std::string_view file_name_of(std::string_view path);

// What to do with EXIF's orientation of a JPEG.
enum class Orientation {
  by_masks,  // upright, unless only the stored rows and columns fit the masks
  upright,
  stored
};

struct Picture {
  Image image;
  std::vector<std::byte> file;  // as read, so that fit() can decode it otherwise
  int orientation = 1;          // EXIF's of a JPEG; a TIFF is upright already
};

// A palette is expanded to its colours; 16 bits and floats stay bit for bit. Throws
// ItemError: missing-image, bad-path, bad-image, too-large, unreadable.
std::vector<std::byte> read_picture_file(const SourceTree& source, const std::string& path);
Picture decode_picture(std::vector<std::byte> file, const std::string& path,
                       Orientation orientation);

// A picture that EXIF turns, and whose masks are height x width: decodes it as stored where
// only that fits, and says so in `problems` (exif-orientation). It is also said when sizes
// cannot tell which it is.
void fit_orientation(Picture& picture, const std::string& path, std::uint32_t height,
                     std::uint32_t width, std::vector<Problem>& problems);

}  // namespace slicebank::internal
