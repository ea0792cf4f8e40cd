// Where the voxels of a DICOM segmentation lie on the slices of its image. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/dicom_seg.h"
#include "formats/dicom_series.h"

namespace slicebank::internal {

class PlaneMap {
 public:
  // By places in space, where both have them: voxel on voxel, in any order of axes, cropped
  // or with planes between; to a tenth of a voxel. Otherwise by the images that the planes
  // refer to, where `instances` are given. Nothing where they do not meet.
  static std::optional<PlaneMap> of(const dicom::Segmentation& segmentation,
                                    const dicom::SeriesVolume& image,
                                    const std::vector<dicom::Instance>& instances);

  // 0 and 1 on the grid of the image, [k][j][i]. `outside` is set where something of the
  // segment lies beside it.
  std::vector<std::byte> voxels(const dicom::Segmentation& segmentation, std::uint32_t segment,
                                bool& outside) const;

 private:
  // Image index of voxel (i, j) of one plane: start + i * along_i + j * along_j.
  struct Plane {
    bool there = false;
    std::array<std::int64_t, 3> start{};
    std::array<std::int64_t, 3> along_i{};
    std::array<std::int64_t, 3> along_j{};
  };

  bool place_by_affine(const dicom::Segmentation& segmentation, const dicom::SeriesVolume& image);
  bool place_by_position(const dicom::Segmentation& segmentation, const dicom::SeriesVolume& image);
  bool place_by_reference(const dicom::Segmentation& segmentation, const dicom::SeriesVolume& image,
                          const std::vector<dicom::Instance>& instances);

  std::array<std::uint32_t, 3> size_ijk_{};
  std::vector<Plane> planes_;  // as those of the segmentation
};

}  // namespace slicebank::internal
