// The segmentations of COCO.
#include <cmath>
#include <span>

#include "formats/coco_rle.h"
#include "importers/internal/coco_file.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

std::vector<std::uint8_t> mask_of_polygons(const Json& list, std::uint32_t height,
                                           std::uint32_t width, const std::string& name) {
  std::vector<std::vector<double>> polygons;
  for (const Json& one : list.items) {
    std::vector<double> corners;
    for (const Json& number : one.items) {
      if (number.kind != JsonKind::number) {
        throw Error(ErrorCode::bad_format, name + ": a polygon holds what is no number");
      }
      corners.push_back(number.number);
    }
    polygons.push_back(std::move(corners));
  }
  return coco::mask_from_polygons(polygons, height, width, name);
}

std::vector<std::uint8_t> mask_of_runs(const Json& object, std::uint32_t height,
                                       std::uint32_t width, const std::string& name) {
  const Json* size = object.find("size");
  const bool fits = size != nullptr && size->items.size() == 2 &&
                    size->items[0].whole() == height && size->items[1].whole() == width;
  if (!fits) {
    throw Error(ErrorCode::bad_format, name + ": the size of the segmentation is not " +
                                           std::to_string(height) + " x " + std::to_string(width) +
                                           ", that of the image");
  }
  const Json* counts = object.find("counts");
  if (counts != nullptr && counts->is_text()) {
    return coco::to_mask(coco::from_string(counts->text, height, width, name));
  }
  if (counts == nullptr || !counts->is_list()) {
    throw Error(ErrorCode::bad_format, name + ": a segmentation without counts");
  }
  std::vector<std::uint64_t> runs;
  for (const Json& count : counts->items) {
    const auto whole = count.whole();
    if (!whole) throw Error(ErrorCode::bad_format, name + ": a run that is no whole number");
    runs.push_back(*whole);
  }
  return coco::to_mask(coco::from_counts(runs, height, width, name));
}

}  // namespace

bool has_coco_mask(const Json& annotation) {
  const Json* segmentation = annotation.find("segmentation");
  if (segmentation == nullptr) return false;
  return segmentation->is_object() || (segmentation->is_list() && !segmentation->items.empty());
}

std::optional<std::vector<std::uint8_t>> coco_mask(const Json& annotation, std::uint32_t height,
                                                   std::uint32_t width, const std::string& name) {
  if (!has_coco_mask(annotation)) return std::nullopt;
  const Json& segmentation = *annotation.find("segmentation");
  return segmentation.is_object() ? mask_of_runs(segmentation, height, width, name)
                                  : mask_of_polygons(segmentation, height, width, name);
}

}  // namespace slicebank::internal
