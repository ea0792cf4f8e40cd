#include "formats/internal/nifti_header.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "formats/internal/nifti_geometry.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

using nifti::Decoded;
using nifti::Extension;
using nifti::Header;
using nifti::Kind;

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
  read_nifti_geometry(fields, header, decoded.volume);
  const std::size_t bits = element_bytes(*data_type.type) * 8 * data_type.channels;
  if (fields.bitpix != 0 && static_cast<std::size_t>(fields.bitpix) != bits) {
    header.notes.push_back("bitpix says " + std::to_string(fields.bitpix) + ", the datatype " +
                           std::to_string(bits) + "; the datatype counts");
  }
  return decoded;
}

NiftiFields fields_of(Bytes front, const std::string& name) {
  auto fields = parse_nifti_fields(front);
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

constexpr std::size_t kHeaderBytesMax = kNifti2Bytes + kExtenderBytes;

}  // namespace

Decoded read_nifti_header(const NiftiFront& front_of, const std::string& name,
                          NiftiFields& fields) {
  Bytes front = front_of(kHeaderBytesMax);
  fields = fields_of(front, name);
  Decoded decoded = interpreted(fields, name);
  const std::size_t wanted = fields.pair ? kVoxelsAtMax : decoded.header.voxels_at;
  const std::size_t extender = fields.header_bytes();
  if (front.size() > extender && front[extender] != std::byte{0}) {
    front = front_of(wanted);
    decoded.header.extensions = extensions_of(front, fields, name);
  }
  return decoded;
}

bool is_nifti_front(const NiftiFront& front_of) {
  try {
    return parse_nifti_fields(front_of(kHeaderBytesMax)).has_value();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace slicebank::internal
