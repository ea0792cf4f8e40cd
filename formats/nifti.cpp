#include "formats/nifti.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "formats/gzip.h"
#include "formats/internal/label_table.h"
#include "formats/internal/nifti_fields.h"
#include "formats/internal/nifti_geometry.h"
#include "formats/internal/volume_data.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::nifti {
namespace {

using internal::kExtenderBytes;
using internal::NiftiFields;

// Extensions are text and small tables; CIFTI's are some megabytes.
constexpr std::uint64_t kVoxelsAtMax = std::uint64_t{1} << 26;
constexpr std::size_t kExtensionsMax = 4096;

[[noreturn]] void refuse(const std::string& name, const std::string& why, std::string hint = {}) {
  throw Error(ErrorCode::bad_format, name + ": " + why, std::move(hint));
}

struct DataType {
  int code;
  const char* name;
  std::optional<ElementType> type;  // none: refused
  std::uint32_t channels;
};

constexpr DataType kDataTypes[] = {
    {1, "single bits", {}, 0},
    {2, "u8", ElementType::u8, 1},
    {4, "i16", ElementType::i16, 1},
    {8, "i32", ElementType::i32, 1},
    {16, "f32", ElementType::f32, 1},
    {32, "complex numbers (64 bit)", {}, 0},
    {64, "f64", ElementType::f64, 1},
    {128, "RGB", ElementType::u8, 3},
    {256, "i8", ElementType::i8, 1},
    {512, "u16", ElementType::u16, 1},
    {768, "u32", ElementType::u32, 1},
    {1024, "i64", ElementType::i64, 1},
    {1280, "u64", ElementType::u64, 1},
    {1536, "128-bit floats", {}, 0},
    {1792, "complex numbers (128 bit)", {}, 0},
    {2048, "complex numbers (256 bit)", {}, 0},
    {2304, "RGBA", ElementType::u8, 4},
};

const DataType& data_type_of(int code, const std::string& name) {
  const auto* found = std::find_if(std::begin(kDataTypes), std::end(kDataTypes),
                                   [code](const DataType& type) { return type.code == code; });
  if (found == std::end(kDataTypes)) {
    refuse(name, "datatype " + std::to_string(code) + " is none that NIfTI knows");
  }
  if (!found->type) refuse(name, std::string(found->name) + " cannot be kept as voxels");
  return *found;
}

bool is_vector_intent(int intent_code) {
  return intent_code == 1006 || intent_code == 1007 || intent_code == 2003 || intent_code == 2004;
}

void read_dimensions(const NiftiFields& fields, const DataType& data_type, Decoded& decoded,
                     const std::string& name) {
  const std::int64_t count = fields.dim[0];
  if (count < 1 || count > 7) refuse(name, std::to_string(count) + " dimensions");
  Header& header = decoded.header;
  for (std::size_t i = 1; i <= static_cast<std::size_t>(count); ++i) {
    if (fields.dim[i] < 1) {
      refuse(name, "dimension " + std::to_string(i) + " has " + std::to_string(fields.dim[i]) +
                       " elements");
    }
    header.dims.push_back(static_cast<std::uint64_t>(fields.dim[i]));
    header.pixdims.push_back(fields.pixdim[i]);
  }
  checked_elements(header.dims, name);
  const auto side = [&](std::size_t i) {
    return i < header.dims.size() ? static_cast<std::uint32_t>(header.dims[i]) : 1;
  };
  Volume& volume = decoded.volume;
  volume.type = *data_type.type;
  volume.size_ijk = {side(0), side(1), side(2)};
  volume.frames = side(3);
  volume.channels = data_type.channels;
  volume.dimensions = static_cast<int>(count);
  const bool vectors = is_vector_intent(fields.intent_code) && data_type.channels == 1;
  if (vectors) volume.channels = side(4);
  if ((side(4) > 1 && !vectors) || side(5) > 1 || side(6) > 1) {
    std::string text;
    for (const std::uint64_t dim : header.dims) {
      text += (text.empty() ? "" : " x ") + std::to_string(dim);
    }
    refuse(name, text + ": a fifth dimension is read where the intent says vectors, a sixth never");
  }
  check_volume(volume, name);
}

void read_scaling(const NiftiFields& fields, const DataType& data_type, Decoded& decoded,
                  const std::string& name) {
  if (fields.scl_slope == 0 || !std::isfinite(fields.scl_slope) || data_type.channels > 1) return;
  double intercept = fields.scl_inter;
  if (!std::isfinite(intercept)) {
    if (fields.kind != Kind::analyze) refuse(name, "its intercept is not finite");
    intercept = 0;
  }
  decoded.volume.slope = fields.scl_slope;
  decoded.volume.intercept = intercept;
}

std::uint64_t voxels_at_of(const NiftiFields& fields, const std::string& name) {
  const double offset = std::trunc(fields.vox_offset);
  const auto least = static_cast<double>(fields.header_bytes() + kExtenderBytes);
  if (!fields.pair && offset == 0) return static_cast<std::uint64_t>(least);
  if (!(offset >= (fields.pair ? 0 : least))) {
    refuse(name, "the voxels cannot begin at byte " + std::to_string(fields.vox_offset));
  }
  if (offset > static_cast<double>(kVoxelsAtMax)) {
    throw Error(ErrorCode::limit, name + ": more than " + std::to_string(kVoxelsAtMax) +
                                      " bytes stand before its voxels");
  }
  return static_cast<std::uint64_t>(offset);
}

Decoded interpreted(const NiftiFields& fields, const std::string& name) {
  const DataType& data_type = data_type_of(fields.datatype, name);
  Decoded decoded;
  Header& header = decoded.header;
  header.kind = fields.kind;
  header.pair = fields.pair;
  header.big_endian = fields.big_endian;
  header.datatype = fields.datatype;
  header.intent_code = fields.intent_code;
  header.intent_name = fields.intent_name;
  header.description = fields.descrip;
  header.xyzt_units = fields.xyzt_units;
  read_dimensions(fields, data_type, decoded, name);
  read_scaling(fields, data_type, decoded, name);
  header.voxels_at = voxels_at_of(fields, name);
  internal::read_nifti_geometry(fields, header, decoded.volume);
  const std::size_t bits = element_bytes(*data_type.type) * 8 * data_type.channels;
  if (fields.bitpix != 0 && static_cast<std::size_t>(fields.bitpix) != bits) {
    header.notes.push_back("bitpix says " + std::to_string(fields.bitpix) + ", the datatype " +
                           std::to_string(bits) + "; the datatype counts");
  }
  return decoded;
}

NiftiFields fields_of(Bytes front, const std::string& name) {
  auto fields = internal::parse_nifti_fields(front);
  if (!fields) refuse(name, "neither a NIfTI nor an Analyze header");
  return *std::move(fields);
}

std::int32_t get_i32(Bytes bytes, std::size_t at, bool big_endian) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + (big_endian ? i : 3 - i)]);
  }
  return static_cast<std::int32_t>(value);
}

// `front` is everything before the voxels: of a pair, the whole header file.
std::vector<Extension> extensions_of(Bytes front, const NiftiFields& fields,
                                     const std::string& name) {
  std::vector<Extension> extensions;
  std::size_t at = fields.header_bytes();
  if (fields.kind == Kind::analyze || front.size() < at + kExtenderBytes ||
      front[at] == std::byte{0}) {
    return extensions;
  }
  at += kExtenderBytes;
  while (front.size() - at >= 16) {
    const std::int32_t size = get_i32(front, at, fields.big_endian);
    if (size == 0) break;
    if (size < 8 || static_cast<std::size_t>(size) > front.size() - at ||
        extensions.size() == kExtensionsMax) {
      refuse(name, "its header extensions do not end where they should");
    }
    const Bytes bytes = front.subspan(at + 8, static_cast<std::size_t>(size) - 8);
    extensions.push_back({get_i32(front, at + 4, fields.big_endian), {bytes.begin(), bytes.end()}});
    at += static_cast<std::size_t>(size);
  }
  return extensions;
}

// Turns what the file holds into a Volume's bytes: order of bytes, order of channels.
void put_voxels(std::vector<std::byte> voxels, const NiftiFields& fields, Volume& volume) {
  if (fields.big_endian) swap_bytes(voxels, element_bytes(volume.type));
  const bool planar = volume.channels > 1 && fields.datatype != 128 && fields.datatype != 2304;
  if (planar) {
    const std::size_t i = volume.size_ijk[0];
    const std::size_t j = volume.size_ijk[1];
    const std::size_t k = volume.size_ijk[2];
    const std::array<std::size_t, 5> sizes = {volume.frames, k, j, i, volume.channels};
    voxels = internal::gathered(voxels, sizes, {i * j * k, i * j, i, 1, i * j * k * volume.frames},
                                element_bytes(volume.type));
  }
  volume.voxels = std::move(voxels);
}

// The voxels of a file that is gzipped or not, beginning at `at`.
std::vector<std::byte> voxels_of(Bytes file, std::uint64_t at, std::uint64_t bytes,
                                 const std::string& name) {
  if (gzip::is_gzip(file)) {
    std::vector<std::byte> whole = gzip::inflate_exactly(file, at + bytes, name);
    whole.erase(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(at));
    return whole;
  }
  if (file.size() < at || file.size() - at < bytes) {
    refuse(name,
           "its voxels need " + std::to_string(bytes) + " bytes from byte " + std::to_string(at) +
               " on, but the file has " + std::to_string(file.size()),
           "The file was cut off; copy or download it again.");
  }
  const Bytes voxels = file.subspan(at, bytes);
  return {voxels.begin(), voxels.end()};
}

// The first bytes of a file, inflated if need be: `storage` holds them then.
Bytes front_of(Bytes file, std::size_t bytes, std::vector<std::byte>& storage,
               const std::string& name) {
  if (!gzip::is_gzip(file)) return file.subspan(0, std::min(bytes, file.size()));
  storage = gzip::inflate_prefix(file, bytes, name);
  return storage;
}

constexpr std::size_t kHeaderBytesMax = internal::kNifti2Bytes + kExtenderBytes;

Decoded read_header(Bytes file, const std::string& name, NiftiFields& fields) {
  std::vector<std::byte> storage;
  Bytes front = front_of(file, kHeaderBytesMax, storage, name);
  fields = fields_of(front, name);
  Decoded decoded = interpreted(fields, name);
  const std::size_t wanted = fields.pair ? kVoxelsAtMax : decoded.header.voxels_at;
  const std::size_t extender = fields.header_bytes();
  if (front.size() > extender && front[extender] != std::byte{0}) {
    front = front_of(file, wanted, storage, name);
    decoded.header.extensions = extensions_of(front, fields, name);
  }
  return decoded;
}

}  // namespace

bool is_nifti(Bytes file) {
  try {
    std::vector<std::byte> storage;
    const Bytes front = front_of(file, kHeaderBytesMax, storage, "");
    return internal::parse_nifti_fields(front).has_value();
  } catch (const Error&) {
    return false;
  }
}

Decoded decode(Bytes file, const std::string& name) {
  NiftiFields fields;
  Decoded decoded = read_header(file, name, fields);
  if (fields.pair) {
    refuse(name, "a header whose voxels lie in a file of their own",
           "Give the .img that lies beside the .hdr as well.");
  }
  put_voxels(voxels_of(file, decoded.header.voxels_at, voxel_bytes(decoded.volume), name), fields,
             decoded.volume);
  return decoded;
}

Decoded decode_pair(Bytes header, Bytes image, const std::string& name) {
  NiftiFields fields;
  Decoded decoded = read_header(header, name, fields);
  if (!fields.pair) refuse(name, "its header says that the voxels follow in the same file");
  put_voxels(voxels_of(image, decoded.header.voxels_at, voxel_bytes(decoded.volume), name), fields,
             decoded.volume);
  return decoded;
}

Decoded scan(Bytes file, const std::string& name) {
  NiftiFields fields;
  return read_header(file, name, fields);
}

std::map<std::uint32_t, std::string> label_names(const Header& header) {
  for (const Extension& extension : header.extensions) {
    const std::string_view text(reinterpret_cast<const char*>(extension.bytes.data()),
                                extension.bytes.size());
    auto names = internal::parse_label_table(text);
    if (!names.empty()) return names;
  }
  return {};
}

}  // namespace slicebank::nifti
