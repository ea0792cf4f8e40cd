#include "formats/volume.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "formats/internal/elements.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

// Smallest and largest number that a stored integer of this type can be.
std::pair<double, double> range_of(ElementType type) {
  switch (type) {
    case ElementType::i8:
      return {-128, 127};
    case ElementType::u16:
      return {0, 65'535};
    case ElementType::i16:
      return {-32'768, 32'767};
    case ElementType::u32:
      return {0, 4'294'967'295.0};
    case ElementType::i32:
      return {-2'147'483'648.0, 2'147'483'647.0};
    default:
      return {0, 255};
  }
}

bool is_integer(ElementType type) {
  return type != ElementType::f16 && type != ElementType::f32 && type != ElementType::f64;
}

ElementType type_after_rescale(ElementType type, double slope, double intercept) {
  const bool whole = std::floor(slope) == slope && std::floor(intercept) == intercept;
  if (!whole || !is_integer(type)) return ElementType::f32;
  const auto [low, high] = range_of(type);
  const double smallest = std::min(low * slope, high * slope) + intercept;
  const double largest = std::max(low * slope, high * slope) + intercept;
  for (const ElementType wanted :
       {ElementType::i16, ElementType::u16, ElementType::i32, ElementType::u32}) {
    const auto [from, to] = range_of(wanted);
    if (smallest >= from && largest <= to) return wanted;
  }
  return ElementType::f32;
}

template <typename To>
std::vector<std::byte> applied(const Volume& volume) {
  const std::size_t size = element_bytes(volume.type);
  std::vector<std::byte> out(volume.voxels.size() / size * sizeof(To));
  std::byte* at = out.data();
  internal::visit_elements(volume.voxels, volume.type, [&](auto element) {
    const double value = static_cast<double>(element) * volume.slope + volume.intercept;
    const To result = static_cast<To>(value);
    std::memcpy(at, &result, sizeof result);
    at += sizeof result;
  });
  return out;
}

// The plane's shape and where its elements lie: `rows` steps of `row`, `columns` steps of
// `column`, from `first`; all in voxels.
struct Plane {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::size_t first = 0;
  std::size_t row = 0;
  std::size_t column = 0;
};

Plane plane_of(const std::array<std::uint32_t, 3>& size, Axis axis, std::size_t index) {
  const std::size_t j = size[0];
  const std::size_t k = std::size_t{size[0]} * size[1];
  switch (axis) {
    case Axis::x:
      return {size[2], size[1], index, k, j};
    case Axis::y:
      return {size[2], size[0], index * j, k, 1};
    default:
      return {size[1], size[0], index * k, j, 1};
  }
}

}  // namespace

void check_volume(const Volume& volume, const std::string& what) {
  const auto& size = volume.size_ijk;
  for (const std::uint32_t side : size) {
    if (side == 0 || side > limits::kImageSideMax) {
      throw Error(side == 0 ? ErrorCode::bad_format : ErrorCode::limit,
                  fmt::format("{}: {} x {} x {} voxels; a side is 1 to {}", what, size[0], size[1],
                              size[2], limits::kImageSideMax));
    }
  }
  if (volume.frames == 0 || volume.channels == 0) {
    throw Error(ErrorCode::bad_format, what + ": no frames or no channels");
  }
  if (volume.channels > limits::kImageChannelsMax) {
    throw Error(ErrorCode::limit, fmt::format("{}: {} channels; at most {} are kept", what,
                                              volume.channels, limits::kImageChannelsMax));
  }
  checked_elements({size[0], size[1], size[2], volume.frames, volume.channels}, what);
}

std::uint64_t voxel_bytes(const Volume& volume) noexcept {
  return volume.voxels_a_frame() * volume.frames * volume.channels * element_bytes(volume.type);
}

Volume rescaled(Volume volume, const std::string& what) {
  if (!pixel_type_of(volume.type) || volume.type == ElementType::boolean) {
    Array array{volume.type, {volume.voxels.size() / element_bytes(volume.type)}, {}};
    array.data = std::move(volume.voxels);
    array = narrowed_to_pixels(std::move(array), what);
    volume.type = array.type;
    volume.voxels = std::move(array.data);
  }
  if (!volume.scaled()) return volume;
  const ElementType type = type_after_rescale(volume.type, volume.slope, volume.intercept);
  switch (type) {
    case ElementType::i16:
      volume.voxels = applied<std::int16_t>(volume);
      break;
    case ElementType::u16:
      volume.voxels = applied<std::uint16_t>(volume);
      break;
    case ElementType::i32:
      volume.voxels = applied<std::int32_t>(volume);
      break;
    case ElementType::u32:
      volume.voxels = applied<std::uint32_t>(volume);
      break;
    default:
      volume.voxels = applied<float>(volume);
      break;
  }
  volume.type = type;
  volume.slope = 1;
  volume.intercept = 0;
  return volume;
}

std::uint32_t slices(const Volume& volume, Axis axis) noexcept {
  switch (axis) {
    case Axis::x:
      return volume.size_ijk[0];
    case Axis::y:
      return volume.size_ijk[1];
    default:
      return volume.size_ijk[2];
  }
}

Image slice_of(const Volume& volume, Axis axis, std::uint32_t index, std::uint32_t frame) {
  const Plane plane = plane_of(volume.size_ijk, axis, index);
  const std::size_t voxel = std::size_t{volume.channels} * element_bytes(volume.type);
  Image image{{*pixel_type_of(volume.type), plane.rows, plane.columns, volume.channels}, {}};
  image.image_hwc.resize(image.shape.bytes());
  const std::byte* source =
      volume.voxels.data() + (volume.voxels_a_frame() * frame + plane.first) * voxel;
  std::byte* out = image.image_hwc.data();
  for (std::size_t row = 0; row < plane.rows; ++row) {
    const std::byte* from = source + row * plane.row * voxel;
    if (plane.column == 1) {
      std::memcpy(out, from, plane.columns * voxel);
      out += plane.columns * voxel;
      continue;
    }
    for (std::size_t column = 0; column < plane.columns; ++column) {
      std::memcpy(out, from + column * plane.column * voxel, voxel);
      out += voxel;
    }
  }
  return image;
}

std::vector<std::uint32_t> slice_of_labels(const std::vector<std::uint32_t>& labels_kji,
                                           const std::array<std::uint32_t, 3>& size_ijk, Axis axis,
                                           std::uint32_t index) {
  const Plane plane = plane_of(size_ijk, axis, index);
  std::vector<std::uint32_t> labels_hw;
  labels_hw.reserve(std::size_t{plane.rows} * plane.columns);
  for (std::size_t row = 0; row < plane.rows; ++row) {
    const std::uint32_t* from = labels_kji.data() + plane.first + row * plane.row;
    for (std::size_t column = 0; column < plane.columns; ++column) {
      labels_hw.push_back(from[column * plane.column]);
    }
  }
  return labels_hw;
}

std::array<double, 3> spacing_of(const Affine& affine) noexcept {
  std::array<double, 3> spacing{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    spacing[axis] = std::hypot(affine[axis], affine[4 + axis], affine[8 + axis]);
  }
  return spacing;
}

bool invertible(const Affine& affine) noexcept {
  for (const double value : affine) {
    if (!std::isfinite(value)) return false;
  }
  const auto [a, b, c] = spacing_of(affine);
  const Affine& m = affine;
  const double determinant = m[0] * (m[5] * m[10] - m[6] * m[9]) -
                             m[1] * (m[4] * m[10] - m[6] * m[8]) +
                             m[2] * (m[4] * m[9] - m[5] * m[8]);
  // Relative to the box of the same edges, so that small voxels are no plane.
  constexpr double kFlat = 1e-9;
  return a * b * c > 0 && std::abs(determinant) > kFlat * a * b * c;
}

std::string orientation(const Affine& affine) {
  constexpr std::array<const char*, 3> kLetters = {"LR", "PA", "IS"};
  const std::array<double, 3> length = spacing_of(affine);
  std::string text = "???";
  std::array<bool, 3> taken{};
  std::array<bool, 3> named{};
  // The strongest pairs first, so that an oblique grid gets three different letters.
  for (int round = 0; round < 3; ++round) {
    double best = -1;
    std::size_t best_row = 0;
    std::size_t best_column = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      for (std::size_t column = 0; column < 3; ++column) {
        if (taken[row] || named[column] || length[column] == 0) continue;
        const double weight = std::abs(affine[row * 4 + column]) / length[column];
        if (weight > best) {
          best = weight;
          best_row = row;
          best_column = column;
        }
      }
    }
    if (best < 0) break;
    taken[best_row] = true;
    named[best_column] = true;
    text[best_column] = kLetters[best_row][affine[best_row * 4 + best_column] > 0 ? 1 : 0];
  }
  return text;
}

Affine affine_from_lps(const std::array<double, 3>& spacing_ijk_mm,
                       const std::array<double, 9>& directions_rows,
                       const std::array<double, 3>& origin) {
  Affine affine = kIdentityAffine;
  for (std::size_t row = 0; row < 3; ++row) {
    const double flip = row < 2 ? -1 : 1;
    for (std::size_t column = 0; column < 3; ++column) {
      affine[row * 4 + column] = flip * directions_rows[row * 3 + column] * spacing_ijk_mm[column];
    }
    affine[row * 4 + 3] = flip * origin[row];
  }
  return affine;
}

bool same_grid(const Volume& a, const Volume& b, double tolerance) {
  if (a.size_ijk != b.size_ijk) return false;
  if (!a.affine || !b.affine) {
    if (!a.spacing_ijk_mm || !b.spacing_ijk_mm) return true;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const double spacing = (*a.spacing_ijk_mm)[axis];
      const double drift = std::abs(spacing - (*b.spacing_ijk_mm)[axis]) * (a.size_ijk[axis] - 1.0);
      if (!(drift <= tolerance * spacing)) return false;
    }
    return true;
  }
  const std::array<double, 3> spacing = spacing_of(*a.affine);
  const double smallest = std::min({spacing[0], spacing[1], spacing[2]});
  for (int corner = 0; corner < 8; ++corner) {
    double distance = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      double difference = (*a.affine)[row * 4 + 3] - (*b.affine)[row * 4 + 3];
      for (std::size_t axis = 0; axis < 3; ++axis) {
        if ((corner >> axis & 1) == 0) continue;
        difference +=
            ((*a.affine)[row * 4 + axis] - (*b.affine)[row * 4 + axis]) * (a.size_ijk[axis] - 1.0);
      }
      distance += difference * difference;
    }
    if (!(std::sqrt(distance) <= tolerance * smallest)) return false;
  }
  return true;
}

}  // namespace slicebank
