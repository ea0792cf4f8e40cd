// The fixed headers of NIfTI-1, NIfTI-2 and Analyze 7.5 as one struct, in and out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/nifti.h"

namespace slicebank::internal {

inline constexpr std::size_t kNifti1Bytes = 348;
inline constexpr std::size_t kNifti2Bytes = 540;
inline constexpr std::size_t kExtenderBytes = 4;

// Fields by the names of nifti1.h, as stored: no value has been judged.
struct NiftiFields {
  nifti::Kind kind = nifti::Kind::nifti1;
  bool pair = false;
  bool big_endian = false;
  std::array<std::int64_t, 8> dim{};  // dim[0] counts the others
  int datatype = 0;
  int bitpix = 0;
  std::array<double, 8> pixdim{};  // pixdim[0] is qfac
  double vox_offset = 0;
  double scl_slope = 0;
  double scl_inter = 0;
  int xyzt_units = 0;
  int intent_code = 0;
  int qform_code = 0;
  int sform_code = 0;
  std::array<double, 3> quatern{};  // b, c, d
  std::array<double, 3> qoffset{};
  std::array<double, 12> srow{};  // x, y, z rows
  std::string descrip;
  std::string intent_name;

  std::size_t header_bytes() const {
    return kind == nifti::Kind::nifti2 ? kNifti2Bytes : kNifti1Bytes;
  }
};

// Nothing when the bytes are none of the three. Reads 540 bytes at most.
std::optional<NiftiFields> parse_nifti_fields(Bytes file);

// The header of a single file, little-endian, without what follows it.
std::vector<std::byte> write_nifti_fields(const NiftiFields& fields);

}  // namespace slicebank::internal
