#include "importers/internal/mask_survey.h"

#include <algorithm>
#include <string>
#include <vector>

#include "formats/array.h"
#include "formats/tiff.h"
#include "importers/internal/mask_picture.h"
#include "importers/internal/picture_pairs.h"
#include "importers/internal/picture_stack.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kMasksRead = 32;
constexpr std::size_t kFoldersLookedAt = 8;
constexpr std::uint64_t kFileBytesMax = 64u << 20;  // of a mask that is only looked at
constexpr std::size_t kClassesMax = 32;  // more different numbers are an edge, or instances

// `count` of them or fewer, evenly spread, the first among them.
template <typename Value>
std::vector<Value> spread(const std::vector<Value>& all, std::size_t count) {
  if (all.size() <= count) return all;
  std::vector<Value> some;
  for (std::size_t i = 0; i < count; ++i) some.push_back(all[i * all.size() / count]);
  return some;
}

std::vector<std::uint32_t> numbers_of(const std::vector<std::byte>& file, const std::string& path,
                                      const MaskRule& rule) {
  if (is_stack(file, path)) {
    const Volume volume = tiff::Reader(file, path).decode_volume();
    return label_values(volume.voxels, volume.type, path);
  }
  const Image plane = decode_mask_picture(file, path, rule);
  return label_values(plane.image_hwc, element_type_of(plane.shape.pixel_type), path);
}

}  // namespace

bool MaskSurvey::labels() const {
  if (values.size() < 2 || values.size() > kClassesMax) return false;
  const bool known_insides = std::all_of(values.begin(), values.end(), [](std::uint32_t value) {
    return value == 1 || value == 255 || value == 65'535;
  });
  if (!several && known_insides) return false;
  // 1, 2, ... and 254, 253, ... beside 255: black and white that went through a JPEG or was
  // resized.
  const bool dark = values.contains(1) || values.contains(2) || values.contains(3);
  const bool light = values.contains(254) || values.contains(253) || values.contains(252);
  return !(dark && light && values.contains(255));
}

MaskSurvey survey_masks(const SourceTree& source, const PictureLayout& layout,
                        const Sidecar& sidecar) {
  std::vector<std::size_t> folders;
  for (std::size_t i = 0; i < layout.folders.size(); ++i) {
    const PictureFolder& folder = layout.folders[i];
    if (!folder.masks && (folder.suffixed || !folder.mask_folders.empty())) folders.push_back(i);
  }
  folders = spread(folders, kFoldersLookedAt);
  MaskSurvey survey;
  for (const std::size_t i : folders) {
    std::vector<std::string> paths;
    for (const PairedPicture& picture : pair_folder(source.root(), layout, i, sidecar).pictures) {
      for (const PairedMask& mask : picture.masks) {
        if (mask.class_folder.empty()) paths.push_back(mask.path);
      }
    }
    for (const std::string& path :
         spread(paths, std::max<std::size_t>(1, kMasksRead / folders.size()))) {
      try {
        const auto stamp = source.stamp(path);
        if (!stamp || stamp->size > kFileBytesMax) continue;
        const std::vector<std::uint32_t> numbers =
            numbers_of(source.read(path), path, {false, sidecar.threshold});
        std::set<std::uint32_t> own;
        std::uint32_t last = 0;
        for (const std::uint32_t number : numbers) {
          if (number != last) own.insert(last = number);
        }
        own.erase(0);
        for (const std::uint32_t value : sidecar.ignored) own.erase(value);
        survey.several = survey.several || own.size() > 1;
        survey.values.insert(own.begin(), own.end());
        ++survey.masks;
      } catch (const Error&) {  // decoding the item will say it
      }
    }
  }
  return survey;
}

}  // namespace slicebank::internal
