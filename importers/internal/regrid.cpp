#include "importers/internal/regrid.h"

#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "schema/limits.h"

namespace slicebank::internal {
namespace {

// For each axis of the image: the axis of the map that runs along it, and its direction.
struct Order {
  std::array<std::size_t, 3> axis{};
  std::array<bool, 3> backwards{};
};

// The unit vector of a column of the affine.
std::array<double, 3> direction(const Affine& affine, std::size_t column) {
  const double length = std::hypot(affine[column], affine[4 + column], affine[8 + column]);
  return {affine[column] / length, affine[4 + column] / length, affine[8 + column] / length};
}

std::optional<Order> order_of(const Affine& image, const Affine& map) {
  Order order;
  std::array<bool, 3> taken{};
  for (std::size_t a = 0; a < 3; ++a) {
    const auto along = direction(image, a);
    bool found = false;
    for (std::size_t b = 0; b < 3 && !found; ++b) {
      const auto other = direction(map, b);
      const double cosine = along[0] * other[0] + along[1] * other[1] + along[2] * other[2];
      if (taken[b] || std::abs(std::abs(cosine) - 1) > 1e-4) continue;
      order.axis[a] = b;
      order.backwards[a] = cosine < 0;
      taken[b] = found = true;
    }
    if (!found) return std::nullopt;
  }
  return order;
}

// The affine and the size that the map has after it was put in order.
Volume reordered_header(const Volume& map, const Order& order) {
  Volume out;
  out.type = map.type;
  out.frames = map.frames;
  out.channels = map.channels;
  out.dimensions = map.dimensions;
  out.slope = map.slope;
  out.intercept = map.intercept;
  Affine affine = *map.affine;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::size_t b = order.axis[a];
    out.size_ijk[a] = map.size_ijk[b];
    for (std::size_t row = 0; row < 3; ++row) {
      const double step = (*map.affine)[row * 4 + b];
      affine[row * 4 + a] = order.backwards[a] ? -step : step;
      if (order.backwards[a]) affine[row * 4 + 3] += step * (map.size_ijk[b] - 1.0);
    }
  }
  out.affine = affine;
  out.spacing_ijk_mm = spacing_of(affine);
  return out;
}

void copy_voxels(const Volume& map, const Order& order, Volume& out) {
  const std::size_t voxel = std::size_t{map.channels} * element_bytes(map.type);
  const std::array<std::size_t, 3> stride = {1, map.size_ijk[0],
                                             std::size_t{map.size_ijk[0]} * map.size_ijk[1]};
  out.voxels.resize(map.voxels.size());
  std::byte* to = out.voxels.data();
  const auto place = [&](std::size_t a, std::uint32_t index) {
    const std::size_t b = order.axis[a];
    return stride[b] * (order.backwards[a] ? map.size_ijk[b] - 1 - index : index);
  };
  for (std::uint32_t frame = 0; frame < map.frames; ++frame) {
    const std::byte* from = map.voxels.data() + frame * map.voxels_a_frame() * voxel;
    for (std::uint32_t k = 0; k < out.size_ijk[2]; ++k) {
      for (std::uint32_t j = 0; j < out.size_ijk[1]; ++j) {
        const std::size_t row = place(2, k) + place(1, j);
        for (std::uint32_t i = 0; i < out.size_ijk[0]; ++i, to += voxel) {
          std::memcpy(to, from + (row + place(0, i)) * voxel, voxel);
        }
      }
    }
  }
}

// The voxel of `image` at the map's first one, where the two grids are one.
std::optional<std::array<std::uint32_t, 3>> offset_in(const Volume& image, const Volume& map) {
  constexpr double kTolerance = 0.01;  // of a voxel
  std::array<double, 3> from_origin{};
  for (std::size_t row = 0; row < 3; ++row) {
    from_origin[row] = (*map.affine)[row * 4 + 3] - (*image.affine)[row * 4 + 3];
  }
  // The image's columns need not be at right angles, so this solves for the three numbers.
  const Affine& m = *image.affine;
  const auto determinant = [](const std::array<double, 3>& a, const std::array<double, 3>& b,
                              const std::array<double, 3>& c) {
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) +
           c[0] * (a[1] * b[2] - a[2] * b[1]);
  };
  std::array<std::array<double, 3>, 3> columns{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    columns[axis] = {m[axis], m[4 + axis], m[8 + axis]};
  }
  const double whole = determinant(columns[0], columns[1], columns[2]);
  std::array<std::uint32_t, 3> offset{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    auto replaced = columns;
    replaced[axis] = from_origin;
    const double steps = determinant(replaced[0], replaced[1], replaced[2]) / whole;
    const double rounded = std::round(steps);
    const bool inside = rounded >= 0 && rounded + map.size_ijk[axis] <= image.size_ijk[axis];
    if (!inside || std::abs(steps - rounded) > kTolerance) return std::nullopt;
    offset[axis] = static_cast<std::uint32_t>(rounded);
  }
  return offset;
}

Volume padded(const Volume& image, const Volume& map, const std::array<std::uint32_t, 3>& at) {
  Volume out;
  out.type = map.type;
  out.size_ijk = image.size_ijk;
  out.frames = map.frames;
  out.channels = map.channels;
  out.dimensions = map.dimensions;
  out.slope = map.slope;
  out.intercept = map.intercept;
  out.spacing_ijk_mm = image.spacing_ijk_mm;
  out.affine = image.affine;
  const std::size_t voxel = std::size_t{map.channels} * element_bytes(map.type);
  out.voxels.resize(out.voxels_a_frame() * out.frames * voxel);
  const std::byte* from = map.voxels.data();
  const std::size_t row_bytes = map.size_ijk[0] * voxel;
  for (std::size_t frame = 0; frame < map.frames; ++frame) {
    for (std::size_t k = 0; k < map.size_ijk[2]; ++k) {
      for (std::size_t j = 0; j < map.size_ijk[1]; ++j, from += row_bytes) {
        const std::size_t slice = frame * image.size_ijk[2] + at[2] + k;
        const std::size_t row = slice * image.size_ijk[1] + at[1] + j;
        std::memcpy(out.voxels.data() + (row * image.size_ijk[0] + at[0]) * voxel, from, row_bytes);
      }
    }
  }
  return out;
}

// Whether voxels are as large and lie along the same axes, over the length of the map.
bool same_steps(const Volume& image, const Volume& map) {
  constexpr double kTolerance = 0.01;  // of a voxel, at the map's far side
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double length = 0;
    double apart = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      const double step = (*image.affine)[row * 4 + axis];
      length = std::hypot(length, step);
      apart = std::hypot(apart, (*map.affine)[row * 4 + axis] - step);
    }
    if (apart * map.size_ijk[axis] > kTolerance * length) return false;
  }
  return true;
}

bool holds(const Volume& image, const Volume& map, const std::array<std::uint32_t, 3>& at) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (std::uint64_t{at[axis]} + map.size_ijk[axis] > image.size_ijk[axis]) return false;
  }
  return true;
}

// Where both say it.
bool same_spacing(const Volume& image, const Volume& map) {
  if (!image.spacing_ijk_mm || !map.spacing_ijk_mm) return true;
  constexpr double kTolerance = 0.01;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double wanted = (*image.spacing_ijk_mm)[axis];
    if (!(std::abs((*map.spacing_ijk_mm)[axis] - wanted) <= kTolerance * wanted)) return false;
  }
  return true;
}

}  // namespace

bool place_in_grid_of(const Volume& image, Volume& map,
                      const std::optional<std::array<std::uint32_t, 3>>& said) {
  // A scale that maps 0 to something else has nothing to put around the part.
  if (map.intercept != 0) return false;
  const std::uint64_t numbers = image.voxels_a_frame() * map.frames * map.channels;
  if (numbers > limits::kVolumeElementsMax) return false;
  if (!image.affine || !map.affine) {
    if (!said || !holds(image, map, *said) || !same_spacing(image, map)) return false;
    map = padded(image, map, *said);
    return true;
  }
  const auto order = order_of(*image.affine, *map.affine);
  if (!order) return false;
  Volume ordered = reordered_header(map, *order);
  if (!same_steps(image, ordered)) return false;
  const auto offset = offset_in(image, ordered);
  constexpr std::array<std::uint32_t, 3> kCorner{};
  if (!offset || (*offset == kCorner && said != kCorner)) return false;
  copy_voxels(map, *order, ordered);
  map = padded(image, ordered, *offset);
  return true;
}

GridMatch put_on_grid_of(const Volume& image, Volume& map) {
  if (same_grid(image, map)) return GridMatch::same;
  if (image.affine && map.affine) {
    if (const auto order = order_of(*image.affine, *map.affine)) {
      Volume out = reordered_header(map, *order);
      if (same_grid(image, out)) {
        copy_voxels(map, *order, out);
        map = std::move(out);
        return GridMatch::reordered;
      }
    }
  }
  return image.size_ijk == map.size_ijk ? GridMatch::size_only : GridMatch::none;
}

}  // namespace slicebank::internal
