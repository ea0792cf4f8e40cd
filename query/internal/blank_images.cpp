#include "query/internal/blank_images.h"

#include <cstring>

namespace slicebank {

bool is_blank(const Image& image) {
  const std::size_t pixel = pixel_bytes(image.shape.pixel_type) * image.shape.channels;
  const std::size_t size = image.image_hwc.size();
  if (size <= pixel) return true;
  // The bytes equal themselves shifted by one pixel exactly when all pixels are equal.
  return std::memcmp(image.image_hwc.data(), image.image_hwc.data() + pixel, size - pixel) == 0;
}

bool BlankImages::contains(const ContentHash& hash, SampleId sample) {
  if (blank_.count(hash) != 0) return true;
  if (other_.count(hash) != 0) return false;
  const bool blank = is_blank(reader_.image(sample));
  (blank ? blank_ : other_).insert(hash);
  return blank;
}

}  // namespace slicebank
