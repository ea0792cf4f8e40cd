// A volume as NIfTI, MetaImage, NRRD and DICOM hold it: voxels in the file's own order,
// and where they lie in the patient. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/array.h"
#include "schema/sample.h"

namespace slicebank {

// Row-major 4x4: voxel index (i, j, k, 1) to millimetres in RAS+ (x to the right of the
// patient, y to the front, z up). Formats that speak LPS are flipped when they are read.
using Affine = std::array<double, 16>;

inline constexpr Affine kIdentityAffine = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};

struct Volume {
  ElementType type = ElementType::u8;

  // Voxels along i, j, k: the axes x, y, z of the file. i is the fastest in memory.
  std::array<std::uint32_t, 3> size_ijk = {1, 1, 1};
  std::uint32_t frames = 1;    // a fourth dimension (time, sequence, echo); the slowest
  std::uint32_t channels = 1;  // of one voxel (RGB); the fastest
  int dimensions = 3;          // as the file counts them, trailing ones included

  // [frame][k][j][i][channel], little-endian, as stored: not scaled.
  std::vector<std::byte> voxels;

  // value = slope * stored + intercept.
  double slope = 1;
  double intercept = 0;

  // Both empty where the file says nothing. Spacing is positive, along i, j, k.
  std::optional<std::array<double, 3>> spacing_ijk_mm;
  std::optional<Affine> affine;

  std::uint64_t voxels_a_frame() const noexcept {
    return std::uint64_t{size_ijk[0]} * size_ijk[1] * size_ijk[2];
  }
  bool scaled() const noexcept { return slope != 1 || intercept != 0; }
};

// Throws Error(limit) or Error(bad_format), beginning with `what`, when a side is 0 or
// beyond limits.h, or channels or elements are too many. Before memory is asked for.
void check_volume(const Volume& volume, const std::string& what);

// The bytes of the voxels: product of all sizes and the element's.
std::uint64_t voxel_bytes(const Volume& volume) noexcept;

// As the values are meant: unscaled volumes as they are (moved); integers under a whole
// slope and intercept as the narrowest of i16, i32 (u16, u32 where negative numbers
// cannot come out and i16, i32 would not do) that holds every possible value; all else as
// f32. slope and intercept are 1 and 0 afterwards. u64, i64 and boolean are narrowed as
// narrowed_to_pixels() does.
Volume rescaled(Volume volume, const std::string& what);

// One slice, owned. z gives (j, i), y gives (k, i), x gives (k, j) as (height, width).
// The volume is unscaled and of a PixelType (see rescaled()). `index` < slices(volume, axis).
Image slice_of(const Volume& volume, Axis axis, std::uint32_t index, std::uint32_t frame = 0);

std::uint32_t slices(const Volume& volume, Axis axis) noexcept;

// The same cut through a map of one number a voxel, laid out as [k][j][i].
std::vector<std::uint32_t> slice_of_labels(const std::vector<std::uint32_t>& labels_kji,
                                           const std::array<std::uint32_t, 3>& size_ijk, Axis axis,
                                           std::uint32_t index);

// Where i, j, k point, "RAS", "LPS", "PIR": the letter of the nearest patient axis, each
// patient axis taken once.
std::string orientation(const Affine& affine);

// The affine whose spacing, directions (columns: unit vectors of i, j, k) and origin are
// given in LPS, as ITK and DICOM write them; comes out in RAS+.
Affine affine_from_lps(const std::array<double, 3>& spacing_ijk_mm,
                       const std::array<double, 9>& directions_rows,
                       const std::array<double, 3>& origin);

// Whether every number is finite and no axis lies in the plane of the other two.
bool invertible(const Affine& affine) noexcept;

// The lengths of the affine's first three columns.
std::array<double, 3> spacing_of(const Affine& affine) noexcept;

// Whether two grids are the same to `tolerance` of a voxel at every corner. Where one of
// them has no affine, size and spacing decide; where one has no spacing, the size.
bool same_grid(const Volume& a, const Volume& b, double tolerance = 0.01);

}  // namespace slicebank
