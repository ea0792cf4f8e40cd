#include "importers/internal/array_volume.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "schema/error.h"

namespace slicebank::internal {
namespace {

std::uint32_t side(std::uint64_t length, const std::string& what) {
  if (length > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::limit, fmt::format("{}: a side of {}", what, length));
  }
  return static_cast<std::uint32_t>(length);
}

Volume with_voxels(Volume volume, Array array, const std::string& what) {
  check_volume(volume, what);
  Array pixels = narrowed_to_pixels(std::move(array), what);
  volume.type = pixels.type;
  volume.voxels = std::move(pixels.data);
  return volume;
}

// Calls `part` with pieces of whole elements, so that their numbers never take much room.
template <typename Part>
void in_parts(Bytes data, const Part& part) {
  constexpr std::size_t kPart = std::size_t{1} << 20;
  for (std::size_t at = 0; at < data.size(); at += kPart) {
    part(data.subspan(at, std::min(kPart, data.size() - at)));
  }
}

// label_values() rounds, as scaled files need it; these arrays are not scaled, and a soft
// mask is no label map.
void check_whole(Bytes data, ElementType type, const std::string& what) {
  if (type != ElementType::f16 && type != ElementType::f32 && type != ElementType::f64) return;
  for (const double value : values_of(data, type)) {
    if (std::abs(value - std::round(value)) <= 1e-3) continue;
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: {} is no label (labels are whole numbers from 0)", what, value));
  }
}

}  // namespace

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t length : shape) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", length);
  }
  return "(" + text + ")";
}

Volume picture_of(Array array_hwc, const std::string& what) {
  const auto& shape = array_hwc.shape;
  if (shape.size() != 2 && shape.size() != 3) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: an array of {}; an image is (H, W) or (H, W, channels)", what,
                            shape_text(shape)));
  }
  Volume volume;
  volume.size_ijk = {side(shape[1], what), side(shape[0], what), 1};
  volume.channels = shape.size() == 3 ? side(shape[2], what) : 1;
  volume.dimensions = 2;
  return with_voxels(std::move(volume), std::move(array_hwc), what);
}

Volume scan_of(Array array_dhw, const std::string& what) {
  const auto& shape = array_dhw.shape;
  if (shape.size() != 3) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: an array of {}; a scan is (D, H, W)", what, shape_text(shape)));
  }
  Volume volume;
  volume.size_ijk = {side(shape[2], what), side(shape[1], what), side(shape[0], what)};
  return with_voxels(std::move(volume), std::move(array_dhw), what);
}

void check_label_map(const Volume& map, const std::string& what) {
  if (map.type == ElementType::u8 || map.type == ElementType::u16 || map.type == ElementType::u32) {
    return;
  }
  in_parts(map.voxels, [&](Bytes part) {
    check_whole(part, map.type, what);
    label_values(part, map.type, what);
  });
}

void add_labels(const Array& array, const std::string& what, std::size_t most,
                std::set<std::uint32_t>& labels) {
  std::uint32_t last = 0;
  const auto add = [&](std::uint32_t value) {
    if (value == last) return;
    last = value;
    if (value != 0) labels.insert(value);
    if (labels.size() > most) {
      throw Error(ErrorCode::limit, fmt::format("{}: more than {} labels", what, most));
    }
  };
  if (element_bytes(array.type) == 1 && array.type != ElementType::i8) {
    for (const std::byte value : array.data) add(std::to_integer<std::uint32_t>(value));
    return;
  }
  in_parts(array.data, [&](Bytes part) {
    check_whole(part, array.type, what);
    for (const std::uint32_t value : label_values(part, array.type, what)) add(value);
  });
}

}  // namespace slicebank::internal
