#include "importers/internal/picture_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "formats/jpeg.h"
#include "formats/png.h"
#include "formats/tiff.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/mask_picture.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::array<std::string_view, 5> kEndings = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};
constexpr int kFirstTurned = 5;  // EXIF's 5 to 8 exchange rows and columns

}  // namespace

std::string_view file_name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string picture_ending(std::string_view path) {
  const std::string_view name = file_name_of(path);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || name.front() == '.') return {};
  const std::string written(name.substr(dot));
  std::string lower = written;
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return std::find(kEndings.begin(), kEndings.end(), lower) == kEndings.end() ? std::string()
                                                                              : written;
}

std::string picture_stem(std::string_view path) {
  const std::string_view name = file_name_of(path);
  return std::string(name.substr(0, name.size() - picture_ending(path).size()));
}

std::vector<std::byte> read_picture_file(const SourceTree& source, const std::string& path) {
  try {
    return source.read(path);
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-image", "bad-path"), path,
                    error.what());
  }
}

Picture decode_picture(std::vector<std::byte> file, const std::string& path,
                       Orientation orientation) {
  const std::string name = printable(path);
  Picture picture;
  try {
    switch (picture_kind(file)) {
      case PictureKind::png:
        picture.image = png::decode_expanding_palette(file, name).image;
        break;
      case PictureKind::jpeg:
        picture.orientation = jpeg::read_header(file, name).orientation;
        picture.image = orientation == Orientation::stored ? jpeg::decode_as_stored(file, name)
                                                           : jpeg::decode(file, name);
        break;
      case PictureKind::tiff:
        picture.image = tiff::Reader(file, name).decode_expanding_palette();
        break;
      case PictureKind::unknown:
        throw Error(ErrorCode::bad_format, name + ": neither PNG nor JPEG nor TIFF");
    }
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-image", "bad-image"), path,
                    error.what());
  }
  if (orientation == Orientation::by_masks) picture.file = std::move(file);
  return picture;
}

void fit_orientation(Picture& picture, const std::string& path, std::uint32_t height,
                     std::uint32_t width, std::vector<Problem>& problems) {
  if (picture.orientation == 1 || picture.file.empty()) return;
  const ImageShape& upright = picture.image.shape;
  const bool fits = upright.height == height && upright.width == width;
  const bool turned = picture.orientation >= kFirstTurned;
  if (turned && fits && height != width) return;
  if (turned && !fits && upright.height == width && upright.width == height) {
    picture.image = jpeg::decode_as_stored(picture.file, printable(path));
    problems.push_back(note("exif-orientation", path,
                            "EXIF turns the picture, but its masks fit it as it is stored; taken "
                            "as stored"));
  } else if (fits) {
    problems.push_back(note("exif-orientation", path,
                            "EXIF turns or mirrors the picture, and sizes do not tell whether its "
                            "masks go with that; taken upright"));
  }
}

}  // namespace slicebank::internal
