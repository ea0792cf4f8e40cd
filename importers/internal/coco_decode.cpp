#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "importers/internal/coco_file.h"
#include "importers/internal/coco_item.h"
#include "importers/internal/coco_place.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/picture_stack.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::string_view kPlaceWord = "coco ";

}  // namespace

std::string CocoItemPlace::text() const {
  std::string out = fmt::format("{}{} {} {}", kPlaceWord, height, width, annotations.size());
  for (const CocoPlace& one : annotations) out += fmt::format(" {} {}", one.offset, one.size);
  return out + "\n" + picture.text();
}

CocoItemPlace CocoItemPlace::parse(const std::string& text) {
  const char* at = text.data() + kPlaceWord.size();
  const char* const end = text.data() + text.size();
  const auto next = [&] {
    std::uint64_t number = 0;
    at = std::from_chars(at, end, number).ptr;
    if (at != end) ++at;
    return number;
  };
  CocoItemPlace place;
  place.height = static_cast<std::uint32_t>(next());
  place.width = static_cast<std::uint32_t>(next());
  for (std::uint64_t left = next(); left > 0 && at != end; --left) {
    const std::uint64_t offset = next();
    place.annotations.push_back({offset, next()});
  }
  place.picture = PicturePlace::parse({at, end});
  return place;
}

bool is_coco_place(const std::string& place) { return place.starts_with(kPlaceWord); }

DecodedItem decode_coco_item(const SourceTree& source, const SourceItem& item,
                             const SampleSink& emit) {
  const CocoItemPlace place = CocoItemPlace::parse(item.place);
  const std::string& path = item.image_paths.front();
  std::vector<std::byte> bytes = read_picture_file(source, path);
  if (is_stack(bytes, path)) {
    throw ItemError(ErrorCode::bad_format, "bad-image", path,
                    printable(path) + ": several pages, which COCO cannot mean");
  }
  DecodedItem decoded;
  Picture picture = decode_picture(std::move(bytes), path, place.picture.orientation);
  if (place.height != 0 && place.width != 0) {
    fit_orientation(picture, path, place.height, place.width, decoded.problems);
  }
  Sample sample;
  sample.axis = place.picture.axis;
  sample.slice_index = place.picture.slice_index;
  sample.name = place.picture.name;
  sample.image = std::move(picture.image);
  sample.labels = labels_of(item);
  const ImageShape& shape = sample.image.shape;
  const bool fits = (place.height == 0 || place.height == shape.height) &&
                    (place.width == 0 || place.width == shape.width);
  const bool too_many = item.masks.size() > limits::kAnnotationsMax ||
                        item.masks.size() * shape.pixels() > limits::kMasksBytesMax / 4;
  if (!item.masks.empty() && (!fits || too_many)) {
    const std::string& file = item.masks.front().path;
    decoded.problems.push_back(skipped(
        fits ? "too-large" : "mask-size", file,
        fits ? fmt::format("{} masks are too many for {}", item.masks.size(), printable(path))
             : fmt::format("it says that {} is {} x {} pixels, but it is {} x {}", printable(path),
                           place.width, place.height, shape.width, shape.height)));
    for (const MaskSource& mask : item.masks) decoded.unread_classes.push_back(mask.class_id);
  } else if (!item.masks.empty()) {
    const std::string name = printable(item.masks.front().path);
    const std::unique_ptr<const ByteSource> file = source.open(item.masks.front().path);
    for (std::size_t i = 0; i < item.masks.size() && i < place.annotations.size(); ++i) {
      try {
        const Json annotation = read_coco_annotation(*file, place.annotations[i], name);
        Mask mask;
        mask.class_id = item.masks[i].class_id;
        mask.raw_class = item.masks[i].raw_class;
        mask.instance = item.masks[i].instance;
        mask.source_value = 1;
        mask.mask_hw = coco_mask(annotation, shape.height, shape.width, name).value();
        sample.masks.push_back(std::move(mask));
      } catch (const Error& error) {
        decoded.problems.push_back(skipped("bad-mask", path, error.what()));
        decoded.unread_classes.push_back(item.masks[i].class_id);
      }
    }
  }
  emit(std::move(sample));
  return decoded;
}

}  // namespace slicebank::internal
