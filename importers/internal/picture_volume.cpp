#include "importers/internal/picture_volume.h"

#include <cstring>
#include <utility>

#include "formats/png.h"
#include "formats/tiff.h"

namespace slicebank::internal {
namespace {

Volume plane(Image&& image) {
  Volume volume;
  volume.type = element_type_of(image.shape.pixel_type);
  volume.size_ijk = {image.shape.width, image.shape.height, 1};
  volume.channels = image.shape.channels;
  volume.dimensions = 2;
  volume.voxels = std::move(image.image_hwc);
  return volume;
}

// Numbers of `bits` that count down from the largest one.
template <typename Number>
void turn_around(std::vector<std::byte>& voxels, int bits) {
  const auto largest = static_cast<Number>((std::uint64_t{1} << bits) - 1);
  for (std::size_t at = 0; at + sizeof(Number) <= voxels.size(); at += sizeof(Number)) {
    Number number = 0;
    std::memcpy(&number, voxels.data() + at, sizeof number);
    number = static_cast<Number>(largest - number);
    std::memcpy(voxels.data() + at, &number, sizeof number);
  }
}

void count_from_white(Volume& volume, int bits) {
  switch (volume.type) {
    case ElementType::u8:
      return turn_around<std::uint8_t>(volume.voxels, bits);
    case ElementType::u16:
      return turn_around<std::uint16_t>(volume.voxels, bits);
    case ElementType::u32:
      return turn_around<std::uint32_t>(volume.voxels, bits);
    default:
      return;  // signed numbers and floats were not inverted
  }
}

Volume tiff_volume(Bytes file, const std::string& name, VolumeUse use) {
  tiff::Reader reader(file, name);
  const tiff::Page& first = reader.pages().front();
  if (use == VolumeUse::image && first.palette && reader.pages().size() == 1) {
    return plane(reader.decode_expanding_palette());
  }
  Volume volume = reader.decode_volume();
  if (use == VolumeUse::labels && first.min_is_white) count_from_white(volume, first.bits);
  return volume;
}

}  // namespace

std::optional<Volume> picture_volume(Bytes file, const std::string& name, VolumeUse use) {
  if (png::is_png(file)) {
    return plane(use == VolumeUse::image ? png::decode_expanding_palette(file, name).image
                                         : png::decode(file, name).image);
  }
  if (tiff::is_tiff(file)) return tiff_volume(file, name, use);
  return std::nullopt;
}

}  // namespace slicebank::internal
