#include "importers/internal/regrid.h"

#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

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

}  // namespace

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
