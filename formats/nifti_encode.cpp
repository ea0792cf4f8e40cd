#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "formats/gzip.h"
#include "formats/internal/nifti_fields.h"
#include "formats/internal/nifti_geometry.h"
#include "formats/internal/volume_data.h"
#include "formats/nifti.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::nifti {
namespace {

using internal::kExtenderBytes;
using internal::NiftiFields;

constexpr int kRgb = 128;
constexpr int kRgba = 2304;
constexpr int kVectorIntent = 1007;
constexpr std::size_t kAlignment = 16;  // of extensions, and of the voxels behind them

[[noreturn]] void refuse(const std::string& why, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, "nifti: " + why, std::move(hint));
}

int datatype_of(const Volume& volume) {
  if (volume.type == ElementType::u8 && volume.channels == 3) return kRgb;
  if (volume.type == ElementType::u8 && volume.channels == 4) return kRgba;
  switch (volume.type) {
    case ElementType::boolean:
    case ElementType::u8:
      return 2;
    case ElementType::i8:
      return 256;
    case ElementType::u16:
      return 512;
    case ElementType::i16:
      return 4;
    case ElementType::u32:
      return 768;
    case ElementType::i32:
      return 8;
    case ElementType::u64:
      return 1280;
    case ElementType::i64:
      return 1024;
    case ElementType::f32:
      return 16;
    case ElementType::f64:
      return 64;
    case ElementType::f16:
      break;
  }
  refuse("half floats have no datatype in NIfTI", "Make them f32 first; that loses nothing.");
}

bool planar(const Volume& volume, int datatype) {
  return volume.channels > 1 && datatype != kRgb && datatype != kRgba;
}

std::array<std::int64_t, 8> dimensions_of(const Volume& volume, bool vectors) {
  std::array<std::int64_t, 8> dim = {0, 1, 1, 1, 1, 1, 1, 1};
  for (std::size_t axis = 0; axis < 3; ++axis) dim[axis + 1] = volume.size_ijk[axis];
  dim[4] = volume.frames;
  if (vectors) dim[5] = volume.channels;
  int used = vectors ? 5 : 7;
  while (used > 2 && dim[static_cast<std::size_t>(used)] == 1) --used;
  dim[0] = std::clamp(volume.dimensions, used, 7);
  return dim;
}

bool fits_version_1(const std::array<std::int64_t, 8>& dim) {
  return std::all_of(dim.begin(), dim.end(), [](std::int64_t side) {
    return side <= std::numeric_limits<std::int16_t>::max();
  });
}

std::size_t extensions_bytes(const std::vector<Extension>& extensions) {
  std::size_t total = 0;
  for (const Extension& extension : extensions) {
    total += (8 + extension.bytes.size() + kAlignment - 1) / kAlignment * kAlignment;
  }
  constexpr std::size_t kMost = std::size_t{1} << 24;  // a float still counts every byte
  if (total > kMost - 1024) refuse("its extensions are larger than 16 MiB");
  return total;
}

void append_i32(std::vector<std::byte>& out, std::size_t value) {
  for (std::size_t i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

void append_extensions(std::vector<std::byte>& out, const std::vector<Extension>& extensions) {
  out.push_back(static_cast<std::byte>(extensions.empty() ? 0 : 1));
  out.resize(out.size() + kExtenderBytes - 1);
  for (const Extension& extension : extensions) {
    const std::size_t size =
        (8 + extension.bytes.size() + kAlignment - 1) / kAlignment * kAlignment;
    append_i32(out, size);
    append_i32(out, static_cast<std::uint32_t>(extension.code));
    out.insert(out.end(), extension.bytes.begin(), extension.bytes.end());
    out.resize(out.size() + size - 8 - extension.bytes.size());
  }
}

NiftiFields fields_for(const Volume& volume, const EncodeOptions& options) {
  NiftiFields fields;
  fields.datatype = datatype_of(volume);
  const bool vectors = planar(volume, fields.datatype);
  fields.dim = dimensions_of(volume, vectors);
  if (options.version < 0 || options.version > 2) refuse("versions are 1 and 2");
  const bool fits = fits_version_1(fields.dim);
  if (options.version == 1 && !fits) refuse("a side beyond 32767 needs version 2");
  if (options.version == 2 || !fits) fields.kind = Kind::nifti2;

  const std::size_t pixel_channels = vectors ? 1 : volume.channels;
  fields.bitpix = static_cast<int>(element_bytes(volume.type) * 8 * pixel_channels);
  fields.pixdim.fill(1);
  fields.scl_slope = volume.slope;
  fields.scl_inter = volume.intercept;
  if (!std::isfinite(volume.slope) || volume.slope == 0 || !std::isfinite(volume.intercept)) {
    refuse("slope and intercept must be numbers, and the slope not 0");
  }
  fields.intent_code = vectors ? kVectorIntent : options.intent_code;
  fields.descrip = options.description;
  fields.vox_offset = static_cast<double>(fields.header_bytes() + kExtenderBytes +
                                          extensions_bytes(options.extensions));
  if (options.xform_code < 1 || options.xform_code > 5) refuse("xform codes are 1 to 5");
  internal::write_nifti_geometry(volume, options.xform_code, fields);
  return fields;
}

}  // namespace

std::vector<std::byte> encode(const Volume& volume, const EncodeOptions& options) {
  check_volume(volume, "nifti");
  if (volume.voxels.size() != voxel_bytes(volume)) {
    refuse(std::to_string(volume.voxels.size()) + " bytes of voxels, but the sizes need " +
           std::to_string(voxel_bytes(volume)));
  }
  const NiftiFields fields = fields_for(volume, options);
  std::vector<std::byte> file = internal::write_nifti_fields(fields);
  file.reserve(file.size() + 1024 + extensions_bytes(options.extensions) + volume.voxels.size());
  append_extensions(file, options.extensions);
  if (planar(volume, fields.datatype)) {
    const std::size_t i = volume.size_ijk[0];
    const std::size_t j = volume.size_ijk[1];
    const std::size_t k = volume.size_ijk[2];
    const std::size_t c = volume.channels;
    const std::vector<std::byte> voxels =
        internal::gathered(volume.voxels, {c, volume.frames, k, j, i},
                           {1, i * j * k * c, i * j * c, i * c, c}, element_bytes(volume.type));
    file.insert(file.end(), voxels.begin(), voxels.end());
  } else {
    file.insert(file.end(), volume.voxels.begin(), volume.voxels.end());
  }
  return options.compressed ? gzip::compress(file, options.level) : file;
}

}  // namespace slicebank::nifti
