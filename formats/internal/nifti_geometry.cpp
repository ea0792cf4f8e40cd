#include "formats/internal/nifti_geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "formats/internal/header_text.h"

namespace slicebank::internal {
namespace {

constexpr int kXformCodeMax = 5;
constexpr int kSpaceUnitsMask = 7;

double mm_of_unit(int xyzt_units) {
  switch (xyzt_units & kSpaceUnitsMask) {
    case 1:
      return 1000;  // metres
    case 3:
      return 0.001;  // microns
    default:
      return 1;
  }
}

double determinant(const Affine& m) {
  return m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
         m[2] * (m[4] * m[9] - m[5] * m[8]);
}

// The rotation of the unit quaternion (w, b, c, d), row-major. Nothing when b, c, d are
// no part of one.
std::optional<std::array<double, 9>> rotation_of(const std::array<double, 3>& bcd) {
  const auto [b, c, d] = bcd;
  const double rest = 1 - (b * b + c * c + d * d);
  constexpr double kSlack = 3.0 * std::numeric_limits<float>::epsilon();
  if (!(rest >= -kSlack)) return std::nullopt;
  const double w = std::sqrt(std::max(rest, 0.0));
  const double s = 2 / (w * w + b * b + c * c + d * d);
  return std::array<double, 9>{
      1 - s * (c * c + d * d), s * (b * c - w * d),     s * (b * d + w * c),
      s * (b * c + w * d),     1 - s * (b * b + d * d), s * (c * d - w * b),
      s * (b * d - w * c),     s * (c * d + w * b),     1 - s * (b * b + c * c)};
}

std::optional<Affine> qform_of(const std::array<double, 3>& quatern,
                               const std::array<double, 3>& offset,
                               const std::array<double, 3>& voxel_size, double qfac) {
  const auto rotation = rotation_of(quatern);
  if (!rotation) return std::nullopt;
  Affine affine = kIdentityAffine;
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      const double size = column == 2 ? qfac * voxel_size[2] : voxel_size[column];
      affine[row * 4 + column] = (*rotation)[row * 3 + column] * size;
    }
    affine[row * 4 + 3] = offset[row];
  }
  return affine;
}

// b, c, d of the rotation, by the largest of the four parts so that nothing cancels.
std::array<double, 3> quaternion_of(const std::array<double, 9>& r) {
  const std::array<double, 4> fourfold = {1 + r[0] + r[4] + r[8], 1 + r[0] - r[4] - r[8],
                                          1 - r[0] + r[4] - r[8], 1 - r[0] - r[4] + r[8]};
  const auto largest = static_cast<std::size_t>(std::max_element(fourfold.begin(), fourfold.end()) -
                                                fourfold.begin());
  const double root = 2 * std::sqrt(fourfold[largest]);
  const double wx = (r[7] - r[5]) / root;
  const double wy = (r[2] - r[6]) / root;
  const double wz = (r[3] - r[1]) / root;
  const double xy = (r[1] + r[3]) / root;
  const double xz = (r[2] + r[6]) / root;
  const double yz = (r[5] + r[7]) / root;
  std::array<double, 4> wxyz{};
  switch (largest) {
    case 0:
      wxyz = {root / 4, wx, wy, wz};
      break;
    case 1:
      wxyz = {wx, root / 4, xy, xz};
      break;
    case 2:
      wxyz = {wy, xy, root / 4, yz};
      break;
    default:
      wxyz = {wz, xz, yz, root / 4};
      break;
  }
  const double sign = wxyz[0] < 0 ? -1 : 1;
  return {sign * wxyz[1], sign * wxyz[2], sign * wxyz[3]};
}

// Voxel sizes as readers mend them: 0 is 1, negative is positive.
std::array<double, 3> mended_sizes(const NiftiFields& fields) {
  std::array<double, 3> size{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double stored = std::abs(fields.pixdim[axis + 1]);
    size[axis] = stored == 0 ? 1 : stored;
  }
  return size;
}

// Each side's middle voxel is the origin; x points to the left.
Affine base_affine(const NiftiFields& fields, const std::array<double, 3>& size) {
  Affine affine = kIdentityAffine;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto count = static_cast<std::int64_t>(axis) < fields.dim[0] ? fields.dim[axis + 1] : 1;
    const bool there = static_cast<std::int64_t>(axis) < fields.dim[0];
    const double step = (axis == 0 ? -1 : 1) * (there ? size[axis] : 1);
    affine[axis * 5] = step;
    affine[axis * 4 + 3] = -step * static_cast<double>(count - 1) / 2;
  }
  return affine;
}

int known_code(int code, const char* what, nifti::Header& header) {
  if (code >= 0 && code <= kXformCodeMax) return code;
  header.notes.push_back(std::string(what) + " " + std::to_string(code) +
                         " is none that NIfTI knows; taken as 0");
  return 0;
}

std::optional<Affine> best_affine(const NiftiFields& fields, nifti::Header& header) {
  const std::array<double, 3> size = mended_sizes(fields);
  if (header.sform_code > 0) {
    Affine affine = kIdentityAffine;
    std::copy(fields.srow.begin(), fields.srow.end(), affine.begin());
    header.affine_source = nifti::AffineSource::sform;
    return affine;
  }
  if (header.qform_code > 0) {
    header.affine_source = nifti::AffineSource::qform;
    return qform_of(fields.quatern, fields.qoffset, size, fields.pixdim[0] == -1 ? -1 : 1);
  }
  header.affine_source = nifti::AffineSource::base;
  return base_affine(fields, size);
}

double decimal(const NiftiFields& fields, double value) {
  return fields.kind == nifti::Kind::nifti2 ? value : shortest(static_cast<float>(value));
}

}  // namespace

void read_nifti_geometry(const NiftiFields& fields, nifti::Header& header, Volume& volume) {
  header.qform_code = known_code(fields.qform_code, "qform_code", header);
  header.sform_code = known_code(fields.sform_code, "sform_code", header);
  const double mm = mm_of_unit(fields.xyzt_units);

  if (fields.kind == nifti::Kind::analyze) {
    header.notes.emplace_back("Analyze 7.5 does not say which side is left: no affine");
  } else {
    std::optional<Affine> affine = best_affine(fields, header);
    if (affine) {
      for (std::size_t i = 0; i < 12; ++i) (*affine)[i] *= mm;
    }
    if (affine && invertible(*affine)) {
      volume.affine = affine;
    } else {
      const bool sform = header.affine_source == nifti::AffineSource::sform;
      const bool qform = header.affine_source == nifti::AffineSource::qform;
      header.notes.push_back(std::string(sform   ? "sform"
                                         : qform ? "qform"
                                                 : "voxel size") +
                             " not finite or singular: no affine");
      header.affine_source = nifti::AffineSource::none;
    }
  }

  std::array<double, 3> spacing{};
  const std::array<double, 3> columns =
      volume.affine ? spacing_of(*volume.affine) : std::array<double, 3>{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double stored = std::abs(fields.pixdim[axis + 1]) * mm;
    const bool there = std::isfinite(stored) && stored > 0;
    if (there) spacing[axis] = decimal(fields, stored);
    if (!there && volume.affine) spacing[axis] = columns[axis];
    if (!there && !volume.affine) spacing[axis] = 1;
    if (!there && static_cast<std::int64_t>(axis) < fields.dim[0]) {
      header.notes.push_back("pixdim[" + std::to_string(axis + 1) + "] is no voxel size");
    }
  }
  volume.spacing_ijk_mm = spacing;
}

void write_nifti_geometry(const Volume& volume, int xform_code, NiftiFields& fields) {
  constexpr int kMillimetres = 2;
  fields.xyzt_units = kMillimetres;
  fields.pixdim[0] = 1;
  std::array<double, 3> spacing = {1, 1, 1};
  if (volume.affine) spacing = spacing_of(*volume.affine);
  if (volume.spacing_ijk_mm) spacing = *volume.spacing_ijk_mm;
  std::copy(spacing.begin(), spacing.end(), fields.pixdim.begin() + 1);
  if (!volume.affine) return;

  const Affine& affine = *volume.affine;
  fields.sform_code = xform_code;
  std::copy(affine.begin(), affine.begin() + 12, fields.srow.begin());
  if (!invertible(affine)) return;

  const double qfac = determinant(affine) < 0 ? -1 : 1;
  std::array<double, 9> rotation{};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t column = 0; column < 3; ++column) {
      rotation[row * 3 + column] =
          affine[row * 4 + column] / (column == 2 ? qfac * spacing[2] : spacing[column]);
    }
  }
  std::array<double, 3> quatern = quaternion_of(rotation);
  if (fields.kind == nifti::Kind::nifti1) {
    for (double& part : quatern) part = static_cast<double>(static_cast<float>(part));
  }
  const std::array<double, 3> offset = {affine[3], affine[7], affine[11]};
  const auto back = qform_of(quatern, offset, spacing, qfac);
  // A qform is a rotation and the voxel size: what it cannot say again, it shall not say.
  if (!back) return;
  constexpr double kTolerance = 1e-5;
  for (std::size_t i = 0; i < 12; ++i) {
    if (i % 4 == 3) continue;
    if (!(std::abs((*back)[i] - affine[i]) <= kTolerance * spacing[i % 4])) return;
  }
  fields.pixdim[0] = qfac;
  fields.qform_code = xform_code;
  fields.quatern = quatern;
  fields.qoffset = offset;
}

}  // namespace slicebank::internal
