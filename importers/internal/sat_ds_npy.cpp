#include "importers/internal/sat_ds_npy.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>

#include "formats/npy.h"
#include "formats/volume.h"
#include "importers/internal/error_kind.h"
#include "importers/internal/item_problem.h"
#include "schema/error.h"

namespace slicebank::sat_ds {
namespace {

constexpr const char* kPlaceBegins = "chwd ";

// Step 4 resamples every scan to this, whatever it was.
constexpr std::array<double, 3> kSpacingMm = {1, 1, 3};

struct Boxes {
  std::array<std::uint32_t, 4> size_chwd{};
  std::vector<Box> boxes;
};

Boxes boxes_of(const std::string& place) {
  std::istringstream words(place.substr(std::strlen(kPlaceBegins)));
  Boxes out;
  for (std::uint32_t& side : out.size_chwd) words >> side;
  Box box{};
  while (words >> box[0]) {
    for (std::size_t i = 1; i < box.size(); ++i) words >> box[i];
    out.boxes.push_back(box);
  }
  return out;
}

// (c, h, w, d), d the fastest, as voxels of i = h, j = w, k = d with c the fastest.
Volume volume_of_chwd(Array array, const std::string& name) {
  if (array.shape.size() == 3) array.shape.insert(array.shape.begin(), 1);
  if (array.shape.size() != 4) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: {}; (c, h, w, d) is expected", name, describe(array)));
  }
  for (const std::uint64_t side : array.shape) {
    if (side > std::numeric_limits<std::uint32_t>::max()) {
      throw Error(ErrorCode::limit, fmt::format("{}: a side of {}", name, side));
    }
  }
  const auto side = [&](std::size_t axis) { return static_cast<std::uint32_t>(array.shape[axis]); };
  Volume volume;
  volume.channels = side(0);
  volume.size_ijk = {side(1), side(2), side(3)};
  check_volume(volume, name);
  const Array pixels = narrowed_to_pixels(std::move(array), name);
  volume.type = pixels.type;
  const std::size_t element = element_bytes(volume.type);
  const std::size_t channels = volume.channels;
  const auto [across, down, deep] = volume.size_ijk;
  volume.voxels.resize(pixels.data.size());
  const std::byte* from = pixels.data.data();
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < across; ++i) {
      for (std::size_t j = 0; j < down; ++j) {
        for (std::size_t k = 0; k < deep; ++k, from += element) {
          const std::size_t to = ((k * down + j) * across + i) * channels + c;
          std::memcpy(volume.voxels.data() + to * element, from, element);
        }
      }
    }
  }
  return volume;
}

// One label: what of it is inside its box.
struct BoxedMask {
  std::size_t place = 0;  // in the item's masks
  Box box{};              // begin and end along x, y, z
  Volume inside;
};

Volume read_image(const SourceTree& source, const SourceItem& item,
                  const std::array<std::uint32_t, 4>& size_chwd) {
  const std::string& path = item.image_paths.front();
  try {
    Volume volume =
        volume_of_chwd(npy::decode(source.read(path), printable(path)), printable(path));
    const std::array<std::uint32_t, 4> found = {volume.channels, volume.size_ijk[0],
                                                volume.size_ijk[1], volume.size_ijk[2]};
    if (found != size_chwd) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: {} x {} x {} x {}, but its row says {} x {} x {} x {}",
                              printable(path), found[0], found[1], found[2], found[3], size_chwd[0],
                              size_chwd[1], size_chwd[2], size_chwd[3]));
    }
    return volume;
  } catch (const Error& error) {
    throw ItemError(error.code(), internal::problem_kind(error, "missing-image", "bad-volume"),
                    path, error.what());
  }
}

std::optional<BoxedMask> read_mask(const SourceTree& source, const std::string& path,
                                   const Volume& image, const Box& box, DecodedItem& decoded) {
  BoxedMask mask{0, box, {}};
  try {
    mask.inside = volume_of_chwd(npy::decode(source.read(path), printable(path)), printable(path));
  } catch (const Error& error) {
    decoded.problems.push_back(internal::skipped(
        internal::problem_kind(error, "missing-mask", "bad-mask"), path, error.what()));
    return std::nullopt;
  }
  bool fits = mask.inside.channels == 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    fits = fits && box[axis] < box[axis + 3] && box[axis + 3] <= image.size_ijk[axis] &&
           box[axis + 3] - box[axis] == mask.inside.size_ijk[axis];
  }
  if (fits) return mask;
  decoded.problems.push_back(internal::skipped(
      "mask-size", path,
      fmt::format(
          "{} x {} x {} voxels do not fill the box {} to {} of an image of {}",
          mask.inside.size_ijk[0], mask.inside.size_ijk[1], mask.inside.size_ijk[2],
          fmt::format("({}, {}, {})", box[0], box[1], box[2]),
          fmt::format("({}, {}, {})", box[3], box[4], box[5]),
          fmt::format("{} x {} x {}", image.size_ijk[0], image.size_ijk[1], image.size_ijk[2]))));
  return std::nullopt;
}

// The label on one slice, or nothing where it is not there.
std::vector<std::uint8_t> cut(const BoxedMask& mask, Axis axis, std::uint32_t index,
                              const ImageShape& shape) {
  const std::size_t along = axis == Axis::x ? 0 : axis == Axis::y ? 1 : 2;
  if (index < mask.box[along] || index >= mask.box[along + 3]) return {};
  const Image part = slice_of(mask.inside, axis, index - mask.box[along]);
  const std::uint32_t left = axis == Axis::x ? mask.box[1] : mask.box[0];
  const std::uint32_t top = axis == Axis::z ? mask.box[1] : mask.box[2];
  std::vector<std::uint8_t> mask_hw(shape.pixels());
  const std::vector<std::uint32_t> values =
      label_values(part.image_hwc, element_type_of(part.shape.pixel_type), "the mask");
  bool any = false;
  for (std::size_t row = 0; row < part.shape.height; ++row) {
    for (std::size_t column = 0; column < part.shape.width; ++column) {
      if (values[row * part.shape.width + column] == 0) continue;
      mask_hw[(top + row) * shape.width + left + column] = 1;
      any = true;
    }
  }
  if (!any) mask_hw.clear();
  return mask_hw;
}

}  // namespace

std::string place_of_boxes(const std::array<std::uint32_t, 4>& size_chwd,
                           const std::vector<Box>& boxes) {
  std::string place = fmt::format("{}{} {} {} {}", kPlaceBegins, size_chwd[0], size_chwd[1],
                                  size_chwd[2], size_chwd[3]);
  for (const Box& box : boxes) {
    for (const std::uint32_t edge : box) place += fmt::format(" {}", edge);
  }
  return place;
}

bool is_place_of_boxes(const std::string& place) { return place.starts_with(kPlaceBegins); }

DecodedItem decode_renorm(const SourceTree& source, const SourceItem& item,
                          const DecodeOptions& options, const SampleSink& emit) {
  const Boxes boxes = boxes_of(item.place);
  const Volume image = read_image(source, item, boxes.size_chwd);
  DecodedItem decoded;
  decoded.spacing_xyz_mm = kSpacingMm;
  std::vector<BoxedMask> masks;
  for (std::size_t place = 0; place < item.masks.size(); ++place) {
    auto mask = read_mask(source, item.masks[place].path, image, boxes.boxes.at(place), decoded);
    if (mask) {
      mask->place = place;
      masks.push_back(*std::move(mask));
    } else {
      decoded.unread_classes.push_back(item.masks[place].class_id);
    }
  }
  for (const Axis axis : options.axes) {
    for (std::uint32_t index = 0; index < slices(image, axis); ++index) {
      Sample sample;
      sample.axis = axis;
      sample.slice_index = index;
      sample.image = slice_of(image, axis, index);
      for (const BoxedMask& mask : masks) {
        std::vector<std::uint8_t> mask_hw = cut(mask, axis, index, sample.image.shape);
        if (mask_hw.empty()) continue;
        const MaskSource& from = item.masks[mask.place];
        sample.masks.push_back({from.class_id, from.raw_class, 0, 1, std::move(mask_hw)});
      }
      emit(std::move(sample));
    }
  }
  return decoded;
}

}  // namespace slicebank::sat_ds
