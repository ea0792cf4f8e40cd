#include "importers/internal/dicom_place.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace slicebank::internal {
namespace {

using Vector = std::array<double, 3>;

constexpr double kTolerance = 0.1;  // of a voxel

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector minus(const Vector& a, const Vector& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

// The first three columns of an affine solved for a displacement: voxel steps.
std::optional<Vector> steps_of(const Affine& affine, const Vector& offset) {
  const auto column = [&](std::size_t i) {
    return Vector{affine[i], affine[4 + i], affine[8 + i]};
  };
  const auto cross = [](const Vector& a, const Vector& b) {
    return Vector{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
  };
  const Vector a = column(0);
  const Vector b = column(1);
  const Vector c = column(2);
  const double volume = dot(a, cross(b, c));
  if (!(std::abs(volume) > 1e-12)) return std::nullopt;
  return Vector{dot(offset, cross(b, c)) / volume, dot(a, cross(offset, c)) / volume,
                dot(a, cross(b, offset)) / volume};
}

// Whole steps, to the tolerance over `count` of them; nothing otherwise.
std::optional<std::array<std::int64_t, 3>> whole(const Vector& steps, double count = 1) {
  std::array<std::int64_t, 3> out{};
  for (std::size_t i = 0; i < 3; ++i) {
    const double near = std::round(steps[i]);
    if (!(std::abs(steps[i] - near) * count <= kTolerance) || std::abs(near) > 1e9) {
      return std::nullopt;
    }
    out[i] = static_cast<std::int64_t>(near);
  }
  return out;
}

}  // namespace

std::optional<PlaneMap> PlaneMap::of(const dicom::Segmentation& segmentation,
                                     const dicom::SeriesVolume& image,
                                     const std::vector<dicom::Instance>& instances) {
  PlaneMap map;
  map.size_ijk_ = image.size_ijk;
  map.planes_.resize(segmentation.planes().size());
  if (map.place_by_affine(segmentation, image) || map.place_by_position(segmentation, image) ||
      map.place_by_reference(segmentation, image, instances)) {
    return map;
  }
  return std::nullopt;
}

bool PlaneMap::place_by_affine(const dicom::Segmentation& segmentation,
                               const dicom::SeriesVolume& image) {
  if (!segmentation.affine() || !image.affine) return false;
  const Affine& from = *segmentation.affine();
  const Affine& to = *image.affine;
  const auto& size = segmentation.size_ijk();
  std::array<std::array<std::int64_t, 3>, 3> along{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto steps = steps_of(to, {from[axis], from[4 + axis], from[8 + axis]});
    const bool one_plane = axis == 2 && size[2] == 1;
    if (one_plane) continue;
    const auto step = steps ? whole(*steps, size[axis]) : std::nullopt;
    if (!step) return false;
    // A mask between two slices, or coarser than the image, is not on its voxels.
    const auto length = std::abs((*step)[0]) + std::abs((*step)[1]) + std::abs((*step)[2]);
    if (axis < 2 ? length != 1 : length == 0) return false;
    along[axis] = *step;
  }
  const auto offset = steps_of(to, {from[3] - to[3], from[7] - to[7], from[11] - to[11]});
  const auto start = offset ? whole(*offset) : std::nullopt;
  if (!start) return false;
  for (std::size_t k = 0; k < planes_.size(); ++k) {
    Plane& plane = planes_[k];
    plane = {true, *start, along[0], along[1]};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      plane.start[axis] += static_cast<std::int64_t>(k) * along[2][axis];
    }
  }
  return true;
}

// Slices that lie in no regular grid: each plane looks for its own.
bool PlaneMap::place_by_position(const dicom::Segmentation& segmentation,
                                 const dicom::SeriesVolume& image) {
  const dicom::Frame& frame = segmentation.instance().frame(0);
  if (!image.directions_lps || !image.spacing_ijk_mm || !frame.orientation || !frame.spacing_yx) {
    return false;
  }
  const std::array<double, 9>& directions = *image.directions_lps;
  const Vector& spacing = *image.spacing_ijk_mm;
  Vector row{};
  Vector column{};
  Vector normal{};
  for (std::size_t i = 0; i < 3; ++i) {
    row[i] = directions[i];
    column[i] = directions[3 + i];
    normal[i] = directions[6 + i];
    if (std::abs((*frame.orientation)[i] - row[i]) > 1e-3 ||
        std::abs((*frame.orientation)[i + 3] - column[i]) > 1e-3) {
      return false;
    }
  }
  const double count_i = segmentation.size_ijk()[0];
  const double count_j = segmentation.size_ijk()[1];
  if (std::abs((*frame.spacing_yx)[1] / spacing[0] - 1) * count_i > kTolerance ||
      std::abs((*frame.spacing_yx)[0] / spacing[1] - 1) * count_j > kTolerance) {
    return false;
  }
  bool any = false;
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    const dicom::SegmentationPlane& from = segmentation.planes()[p];
    if (!from.position_lps) return false;
    for (std::size_t k = 0; k < image.slices.size(); ++k) {
      if (!image.slices[k].position_lps) return false;
      const Vector offset = minus(*from.position_lps, *image.slices[k].position_lps);
      if (std::abs(dot(offset, normal)) > kTolerance * spacing[2]) continue;
      const auto start =
          whole({dot(offset, row) / spacing[0], dot(offset, column) / spacing[1], 0});
      if (!start) return false;
      planes_[p] = {
          true, {(*start)[0], (*start)[1], static_cast<std::int64_t>(k)}, {1, 0, 0}, {0, 1, 0}};
      any = true;
      break;
    }
  }
  return any;
}

bool PlaneMap::place_by_reference(const dicom::Segmentation& segmentation,
                                  const dicom::SeriesVolume& image,
                                  const std::vector<dicom::Instance>& instances) {
  if (segmentation.size_ijk()[0] != image.size_ijk[0] ||
      segmentation.size_ijk()[1] != image.size_ijk[1]) {
    return false;
  }
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> slices;
  for (std::size_t k = 0; k < image.slices.size(); ++k) {
    const dicom::Slice& slice = image.slices[k];
    if (slice.instance >= instances.size()) return false;
    slices[{instances[slice.instance].sop_instance_uid, slice.frame}] = k;
  }
  bool any = false;
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    planes_[p] = {};
    for (const dicom::Source& source : segmentation.planes()[p].sources) {
      const std::uint32_t frame = source.frames.empty() ? 0 : source.frames.front() - 1;
      const auto found = slices.find({source.sop_instance_uid, frame});
      if (found == slices.end()) continue;
      planes_[p] = {true, {0, 0, static_cast<std::int64_t>(found->second)}, {1, 0, 0}, {0, 1, 0}};
      any = true;
      break;
    }
  }
  return any;
}

std::vector<std::byte> PlaneMap::voxels(const dicom::Segmentation& segmentation,
                                        std::uint32_t segment, bool& outside) const {
  const std::size_t row = size_ijk_[0];
  const std::size_t plane_size = row * size_ijk_[1];
  std::vector<std::byte> out(plane_size * size_ijk_[2]);
  const auto& size = segmentation.size_ijk();
  for (std::size_t p = 0; p < planes_.size(); ++p) {
    if (segmentation.planes()[p].frame_of_segment.empty()) continue;
    const std::vector<std::uint8_t> mask =
        segmentation.plane_mask(segment, static_cast<std::uint32_t>(p));
    const Plane& plane = planes_[p];
    std::size_t at = 0;
    for (std::int64_t j = 0; j < size[1]; ++j) {
      for (std::int64_t i = 0; i < size[0]; ++i, ++at) {
        if (mask[at] == 0) continue;
        std::array<std::size_t, 3> to{};
        bool inside = plane.there;
        for (std::size_t axis = 0; axis < 3 && inside; ++axis) {
          const std::int64_t index =
              plane.start[axis] + i * plane.along_i[axis] + j * plane.along_j[axis];
          inside = index >= 0 && index < size_ijk_[axis];
          to[axis] = static_cast<std::size_t>(index);
        }
        if (inside) {
          out[to[2] * plane_size + to[1] * row + to[0]] = std::byte{1};
        } else {
          outside = true;
        }
      }
    }
  }
  return out;
}

}  // namespace slicebank::internal
