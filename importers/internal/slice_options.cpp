#include "importers/internal/slice_options.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "formats/array.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

bool is_marked(const Sample& sample) {
  for (const Mask& mask : sample.masks) {
    if (std::find(mask.mask_hw.begin(), mask.mask_hw.end(), std::uint8_t{1}) !=
        mask.mask_hw.end()) {
      return true;
    }
  }
  return !sample.labels.empty();
}

Image windowed(Image&& image, double level, double width) {
  if (image.shape.pixel_type == PixelType::u8) return std::move(image);
  Image narrow{image.shape, {}};
  narrow.shape.pixel_type = PixelType::u8;
  narrow.image_hwc.reserve(narrow.shape.bytes());
  const double low = level - width / 2;
  for (const double value : values_of(image.image_hwc, element_type_of(image.shape.pixel_type))) {
    const double scaled = std::clamp((value - low) / width, 0.0, 1.0);
    // Not a number has no place on the scale; black, as below the window.
    narrow.image_hwc.push_back(
        static_cast<std::byte>(std::isnan(scaled) ? 0 : static_cast<int>(scaled * 255)));
  }
  return narrow;
}

}  // namespace

void check_slice_options(const SliceOptions& options) {
  if (options.window_level.has_value() != options.window_width.has_value() ||
      (options.window_width && !(*options.window_width > 0))) {
    throw Error(ErrorCode::bad_argument, "a window is a level and a width above 0",
                "As in --window 40/400.");
  }
}

std::optional<Sample> prepared(Sample&& sample, const SliceOptions& options) {
  if (options.skip_empty && !is_marked(sample)) return std::nullopt;
  if (options.window_level) {
    sample.image = windowed(std::move(sample.image), *options.window_level, *options.window_width);
  }
  return std::move(sample);
}

}  // namespace slicebank::internal
