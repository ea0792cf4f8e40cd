#include <algorithm>
#include <array>
#include <string>

#include "formats/gzip.h"
#include "formats/internal/header_text.h"
#include "formats/metaimage.h"
#include "schema/error.h"

namespace slicebank::metaimage {
namespace {

[[noreturn]] void refuse(const std::string& why, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, "metaimage: " + why, std::move(hint));
}

const char* type_name(ElementType type) {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
      return "MET_UCHAR";
    case ElementType::i8:
      return "MET_CHAR";
    case ElementType::u16:
      return "MET_USHORT";
    case ElementType::i16:
      return "MET_SHORT";
    case ElementType::u32:
      return "MET_UINT";
    case ElementType::i32:
      return "MET_INT";
    case ElementType::u64:
      return "MET_ULONG_LONG";
    case ElementType::i64:
      return "MET_LONG_LONG";
    case ElementType::f32:
      return "MET_FLOAT";
    case ElementType::f64:
      return "MET_DOUBLE";
    case ElementType::f16:
      break;
  }
  refuse("half floats have no type in MetaImage", "Make them f32 first; that loses nothing.");
}

// `count` numbers behind "key ="; those beyond the third axis are `beyond`.
template <typename Get>
std::string line(const char* key, std::size_t count, Get get) {
  std::string text = std::string(key) + " =";
  for (std::size_t i = 0; i < count; ++i) text += " " + get(i);
  return text + "\n";
}

std::string geometry_lines(const Volume& volume, std::size_t n) {
  std::string text;
  std::array<double, 3> spacing = {1, 1, 1};
  if (volume.affine) spacing = spacing_of(*volume.affine);
  if (volume.spacing_ijk_mm) spacing = *volume.spacing_ijk_mm;
  if (volume.affine) {
    const Affine& affine = *volume.affine;
    const auto lps = [&](std::size_t row, std::size_t column) {
      const double value = affine[row * 4 + column];
      return row < 2 ? 0 - value : value;  // 0 - 0 is 0, -0 would be "-0"
    };
    text += line("TransformMatrix", n * n, [&](std::size_t i) {
      const std::size_t axis = i / n;
      const std::size_t row = i % n;
      if (axis > 2 || row > 2) return std::string(axis == row ? "1" : "0");
      return internal::number_text(lps(row, axis) / spacing[axis]);
    });
    text += line("Offset", n, [&](std::size_t i) {
      return i > 2 ? std::string("0") : internal::number_text(lps(i, 3));
    });
  }
  if (volume.affine || volume.spacing_ijk_mm) {
    text += line("ElementSpacing", n, [&](std::size_t i) {
      return i > 2 ? std::string("1") : internal::number_text(spacing[i]);
    });
  }
  return text;
}

// A 2-D file can say nothing of a third axis.
bool flat(const Volume& volume) {
  return volume.dimensions <= 2 && volume.size_ijk[2] == 1 && volume.frames == 1 &&
         (!volume.affine ||
          ((*volume.affine)[2] == 0 && (*volume.affine)[6] == 0 && (*volume.affine)[8] == 0 &&
           (*volume.affine)[9] == 0 && (*volume.affine)[10] == 1 && (*volume.affine)[11] == 0));
}

}  // namespace

std::vector<std::byte> encode(const Volume& volume, const EncodeOptions& options) {
  check_volume(volume, "metaimage");
  if (volume.scaled()) {
    refuse("slope and intercept have no place in the file", "Give rescaled() of the volume.");
  }
  if (volume.voxels.size() != voxel_bytes(volume)) {
    refuse(std::to_string(volume.voxels.size()) + " bytes of voxels, but the sizes need " +
           std::to_string(voxel_bytes(volume)));
  }
  const std::size_t n = volume.frames > 1 || volume.dimensions > 3 ? 4 : flat(volume) ? 2 : 3;
  const std::array<std::uint32_t, 4> sizes = {volume.size_ijk[0], volume.size_ijk[1],
                                              volume.size_ijk[2], volume.frames};
  std::vector<std::byte> packed;
  if (options.compressed) packed = gzip::compress_zlib(volume.voxels, options.level);

  std::string header = "ObjectType = Image\nNDims = " + std::to_string(n) +
                       "\nBinaryData = True\nBinaryDataByteOrderMSB = False\n";
  header +=
      options.compressed
          ? "CompressedData = True\nCompressedDataSize = " + std::to_string(packed.size()) + "\n"
          : std::string("CompressedData = False\n");
  header += geometry_lines(volume, n);
  header += line("DimSize", n, [&](std::size_t i) { return std::to_string(sizes[i]); });
  if (volume.channels > 1) {
    header += "ElementNumberOfChannels = " + std::to_string(volume.channels) + "\n";
  }
  header += std::string("ElementType = ") + type_name(volume.type) + "\nElementDataFile = LOCAL\n";

  const std::vector<std::byte>& data = options.compressed ? packed : volume.voxels;
  std::vector<std::byte> file;
  file.reserve(header.size() + data.size());
  const auto* text = reinterpret_cast<const std::byte*>(header.data());
  file.insert(file.end(), text, text + header.size());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

}  // namespace slicebank::metaimage
