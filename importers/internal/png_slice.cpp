#include "importers/internal/png_slice.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "formats/png.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "importers/internal/mask_picture.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

Image read_image(const SourceTree& source, const std::string& path) {
  const char* stage = "bad-path";
  try {
    const std::vector<std::byte> file = source.read(path);
    stage = "bad-png";
    return png::decode_expanding_palette(file, printable(path)).image;
  } catch (const Error& error) {
    throw ItemError(error.code(), problem_kind(error, "missing-image", stage), path, error.what());
  }
}

class SliceReader {
 public:
  SliceReader(const SourceTree& source, const SourceItem& item) : source_(source), item_(item) {}

  DecodedItem read(const SlicePlace& place, const SampleSink& emit) {
    Sample sample;
    sample.axis = place.axis;
    sample.slice_index = place.slice_index;
    sample.name = place.name;
    sample.image = read_image(source_, item_.image_paths.front());
    if (is_constant(sample.image)) {
      add(note("constant-image", item_.image_paths.front(), "all pixels have the same value"));
    }
    for (const MaskSource& mask : item_.masks) {
      if (auto read = read_mask(mask, sample.image.shape)) {
        sample.masks.push_back(*std::move(read));
      } else {
        decoded_.unread_classes.push_back(mask.class_id);
      }
    }
    emit(std::move(sample));
    return std::move(decoded_);
  }

 private:
  static bool is_constant(const Image& image) {
    const std::size_t step = pixel_bytes(image.shape.pixel_type) * image.shape.channels;
    const std::byte* bytes = image.image_hwc.data();
    return image.shape.pixels() > 1 &&
           std::memcmp(bytes, bytes + step, image.image_hwc.size() - step) == 0;
  }

  void add(Problem problem) { decoded_.problems.push_back(std::move(problem)); }

  std::optional<Image> read_mask_image(const std::string& path) {
    const char* stage = "bad-path";
    try {
      const std::vector<std::byte> file = source_.read(path);
      stage = "bad-png";
      return png::decode(file, printable(path)).image;
    } catch (const Error& error) {
      add(skipped(problem_kind(error, "missing-mask", stage), path, error.what()));
      return std::nullopt;
    }
  }

  std::optional<Mask> read_mask(const MaskSource& from, const ImageShape& shape) {
    const std::optional<Image> image = read_mask_image(from.path);
    if (!image) return std::nullopt;
    if (image->shape.width != shape.width || image->shape.height != shape.height) {
      add(skipped("mask-size", from.path,
                  "the mask is " + std::to_string(image->shape.width) + " x " +
                      std::to_string(image->shape.height) + " pixels, its image " +
                      std::to_string(shape.width) + " x " + std::to_string(shape.height)));
      return std::nullopt;
    }
    if (!colours_equal(*image)) {
      add(skipped("mask-colours", from.path,
                  "the mask has colours; only gray, palette and equal channels can be read"));
      return std::nullopt;
    }
    Foreground foreground = foreground_of(*image);
    if (foreground.largest == 0) {
      add(note("empty-mask", from.path, "no pixel is set; kept as an empty mask"));
    } else if (foreground.several) {
      add(note("mask-values", from.path,
               "several values besides 0; all of them are taken as inside"));
    }
    Mask mask;
    mask.class_id = from.class_id;
    mask.raw_class = from.raw_class;
    mask.instance = from.instance;
    mask.source_value = static_cast<std::uint8_t>(
        foreground.largest == 0 ? 255u : std::min<std::uint32_t>(foreground.largest, 255));
    mask.mask_hw = std::move(foreground.mask_hw);
    return mask;
  }

  const SourceTree& source_;
  const SourceItem& item_;
  DecodedItem decoded_;
};

}  // namespace

DecodedItem decode_png_slice(const SourceTree& source, const SourceItem& item,
                             const SlicePlace& place, const SampleSink& emit) {
  return SliceReader(source, item).read(place, emit);
}

std::string png_stem(const std::string& path) {
  constexpr std::size_t kEndingBytes = 4;
  const std::string file = path.substr(path.rfind('/') + 1);
  if (file.size() <= kEndingBytes) return {};
  std::string ending = file.substr(file.size() - kEndingBytes);
  for (char& c : ending) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return ending == ".png" ? file.substr(0, file.size() - kEndingBytes) : std::string();
}

}  // namespace slicebank::internal
