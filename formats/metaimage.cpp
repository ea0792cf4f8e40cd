#include "formats/metaimage.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "formats/gzip.h"
#include "formats/internal/header_text.h"
#include "formats/internal/volume_data.h"
#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::metaimage {
namespace {

using internal::lower_case;
using internal::to_integer;
using internal::to_number;
using internal::words;

constexpr std::size_t kHeaderBytesMax = std::size_t{1} << 20;
constexpr std::size_t kDataFilesMax = limits::kImageSideMax;

[[noreturn]] void refuse(const std::string& name, const std::string& why, std::string hint = {}) {
  throw Error(ErrorCode::bad_format, name + ": " + why, std::move(hint));
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kQuotedMax = 100;
  return "'" + printable(std::string(text.substr(0, kQuotedMax))) + "'";
}

// The lines of a header; keys are as written, the last of two equal ones counts.
struct Fields {
  std::map<std::string, std::string> values;
  std::vector<std::string> listed;  // lines behind "ElementDataFile = LIST"
  std::size_t data_at = 0;          // first byte behind the header
};

// Key and value of a line; nothing where it has no '=' (or ':', which MetaIO also takes).
std::optional<std::pair<std::string, std::string>> key_and_value(std::string_view line) {
  const std::size_t part = line.find_first_of("=:");
  if (part == std::string_view::npos) return std::nullopt;
  return std::pair(std::string(internal::trimmed(line.substr(0, part))),
                   std::string(internal::trimmed(line.substr(part + 1))));
}

Fields read_fields(Bytes file, const std::string& name) {
  const Bytes head = file.subspan(0, std::min(file.size(), kHeaderBytesMax));
  Fields fields;
  std::size_t at = 0;
  while (const auto line = internal::next_line(head, at)) {
    if (internal::trimmed(*line).empty()) continue;
    auto pair = key_and_value(*line);
    if (!pair) refuse(name, "a line of its header is no 'key = value': " + in_quotes(*line));
    const bool last = pair->first == "ElementDataFile";
    fields.values[pair->first] = std::move(pair->second);
    if (!last) continue;
    fields.data_at = at;
    if (fields.values["ElementDataFile"].starts_with("LIST")) {
      if (file.size() > kHeaderBytesMax) {
        throw Error(ErrorCode::limit, name + ": its list of data files is too long");
      }
      while (const auto file_name = internal::next_line(head, at)) {
        const std::string_view trimmed = internal::trimmed(*file_name);
        if (!trimmed.empty()) fields.listed.emplace_back(trimmed);
      }
    }
    return fields;
  }
  refuse(name, "a MetaImage header without ElementDataFile");
}

// The value of the first key that is there.
const std::string* value_of(const Fields& fields, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = fields.values.find(key);
    if (found != fields.values.end()) return &found->second;
  }
  return nullptr;
}

bool is_true(const std::string* value) {
  return value != nullptr && !value->empty() &&
         ((*value)[0] == 'T' || (*value)[0] == 't' || (*value)[0] == '1');
}

std::optional<std::int64_t> integer_of(const Fields& fields,
                                       std::initializer_list<const char*> keys,
                                       const std::string& name) {
  const std::string* value = value_of(fields, keys);
  if (value == nullptr) return std::nullopt;
  const auto number = to_integer(*value);
  if (!number) refuse(name, std::string(*keys.begin()) + " is no number: " + in_quotes(*value));
  return number;
}

// `count` finite numbers, or nothing when the key is not there.
std::optional<std::vector<double>> numbers_of(const Fields& fields,
                                              std::initializer_list<const char*> keys,
                                              std::size_t count, const std::string& name) {
  const std::string* value = value_of(fields, keys);
  if (value == nullptr) return std::nullopt;
  std::vector<double> numbers;
  for (const std::string& word : words(*value)) {
    const auto number = to_number(word);
    if (!number || !std::isfinite(*number)) break;
    numbers.push_back(*number);
  }
  if (numbers.size() < count) {
    refuse(name, std::string(*keys.begin()) + " needs " + std::to_string(count) +
                     " numbers: " + in_quotes(*value));
  }
  return numbers;
}

ElementType type_of(std::string text, const std::string& name) {
  static const std::map<std::string, ElementType> kTypes = {
      {"MET_CHAR", ElementType::i8},        {"MET_ASCII_CHAR", ElementType::i8},
      {"MET_UCHAR", ElementType::u8},       {"MET_SHORT", ElementType::i16},
      {"MET_USHORT", ElementType::u16},     {"MET_INT", ElementType::i32},
      {"MET_UINT", ElementType::u32},       {"MET_LONG", ElementType::i32},
      {"MET_ULONG", ElementType::u32},      {"MET_LONG_LONG", ElementType::i64},
      {"MET_ULONG_LONG", ElementType::u64}, {"MET_FLOAT", ElementType::f32},
      {"MET_DOUBLE", ElementType::f64}};
  constexpr std::string_view kArray = "_ARRAY";
  if (text.ends_with(kArray)) text.resize(text.size() - kArray.size());
  const auto found = kTypes.find(text);
  if (found == kTypes.end()) {
    refuse(name, "elements of type " + in_quotes(text) + " cannot be kept as voxels");
  }
  return found->second;
}

void read_shape(const Fields& fields, Decoded& decoded, const std::string& name) {
  const auto dimensions = integer_of(fields, {"NDims"}, name);
  if (!dimensions) refuse(name, "NDims is missing");
  if (*dimensions < 2 || *dimensions > 4) {
    refuse(name, std::to_string(*dimensions) + " dimensions; 2, 3 and 4 are read");
  }
  const std::string* sizes = value_of(fields, {"DimSize"});
  if (sizes == nullptr) refuse(name, "DimSize is missing");
  for (const std::string& word : words(*sizes)) {
    const auto side = to_integer(word);
    if (!side || *side < 1) refuse(name, "DimSize is no list of sizes: " + in_quotes(*sizes));
    decoded.header.dims.push_back(static_cast<std::uint64_t>(*side));
    if (decoded.header.dims.size() == static_cast<std::size_t>(*dimensions)) break;
  }
  if (decoded.header.dims.size() != static_cast<std::size_t>(*dimensions)) {
    refuse(name, "DimSize has fewer sizes than NDims says: " + in_quotes(*sizes));
  }
  checked_elements(decoded.header.dims, name);
  const auto side = [&](std::size_t i) {
    return i < decoded.header.dims.size() ? static_cast<std::uint32_t>(decoded.header.dims[i]) : 1;
  };
  Volume& volume = decoded.volume;
  volume.size_ijk = {side(0), side(1), side(2)};
  volume.frames = side(3);
  volume.dimensions = static_cast<int>(*dimensions);
  const auto channels = integer_of(fields, {"ElementNumberOfChannels"}, name).value_or(1);
  if (channels < 1 || channels > limits::kImageChannelsMax) {
    throw Error(ErrorCode::limit, name + ": " + std::to_string(channels) + " channels; 1 to " +
                                      std::to_string(limits::kImageChannelsMax) + " are read");
  }
  volume.channels = static_cast<std::uint32_t>(channels);
  const std::string* type = value_of(fields, {"ElementType"});
  if (type == nullptr) refuse(name, "ElementType is missing");
  volume.type = type_of(*type, name);
  check_volume(volume, name);
}

// Of a 4-D file the part that concerns space; of a 2-D one, completed to three axes.
void read_geometry(const Fields& fields, Decoded& decoded, const std::string& name) {
  const std::size_t n = decoded.header.dims.size();
  const std::size_t used = std::min<std::size_t>(n, 3);
  const auto spacing = numbers_of(fields, {"ElementSpacing", "ElementSize"}, n, name);
  const auto offset = numbers_of(fields, {"Offset", "Position", "Origin"}, n, name);
  const auto matrix =
      numbers_of(fields, {"TransformMatrix", "Rotation", "Orientation"}, n * n, name);

  std::array<double, 3> spacing_ijk = {1, 1, 1};
  std::array<double, 3> origin{};
  std::array<double, 9> directions = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  for (std::size_t axis = 0; axis < used; ++axis) {
    if (spacing && !((*spacing)[axis] > 0)) refuse(name, "ElementSpacing is not positive");
    if (spacing) spacing_ijk[axis] = (*spacing)[axis];
    if (offset) origin[axis] = (*offset)[axis];
    // One voxel axis after the other: the transpose of the rows that are wanted here.
    for (std::size_t row = 0; matrix && row < used; ++row) {
      directions[row * 3 + axis] = (*matrix)[axis * n + row];
    }
  }
  if (spacing) decoded.volume.spacing_ijk_mm = spacing_ijk;
  if (!offset && !matrix) return;
  decoded.volume.affine = affine_from_lps(spacing_ijk, directions, origin);
  if (!invertible(*decoded.volume.affine)) refuse(name, "its TransformMatrix is singular");
}

// "pattern first last step", of which the last three may be missing: as many files as
// there are slices then, from 1 on. The pattern itself may hold blanks.
std::vector<std::string> names_of_pattern(std::string_view value, std::uint64_t slices,
                                          const std::string& name) {
  std::vector<std::int64_t> numbers;
  while (numbers.size() < 3) {
    const std::size_t blank = value.find_last_of(" \t");
    if (blank == std::string_view::npos) break;
    const auto number = to_integer(value.substr(blank + 1));
    if (!number) break;
    numbers.insert(numbers.begin(), *number);
    value = internal::trimmed(value.substr(0, blank));
  }
  const std::int64_t first = numbers.empty() ? 1 : numbers[0];
  // Unsigned, because a hostile `first` would overflow; numbered_names() refuses it.
  const auto implied = static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + slices - 1);
  const std::int64_t last = numbers.size() > 1 ? numbers[1] : implied;
  return internal::numbered_names(std::string(value), first, last,
                                  numbers.size() > 2 ? numbers[2] : 1, kDataFilesMax, name);
}

void read_data_files(const Fields& fields, Decoded& decoded, const std::string& name) {
  const std::string& value = fields.values.at("ElementDataFile");
  Header& header = decoded.header;
  if (value == "LOCAL" || value == "Local" || value == "local") return;
  if (value.starts_with("LIST")) {
    header.data_files = fields.listed;
  } else if (value.find('%') == std::string::npos) {
    header.data_files = {value};
  } else {
    header.data_files = names_of_pattern(value, header.dims.back(), name);
  }
  if (header.data_files.empty()) refuse(name, "its ElementDataFile names no file");
  if (header.data_files.size() > kDataFilesMax) {
    throw Error(ErrorCode::limit,
                name + ": more than " + std::to_string(kDataFilesMax) + " data files");
  }
  if (decoded.volume.voxels_a_frame() * decoded.volume.frames % header.data_files.size() != 0) {
    refuse(name, std::to_string(header.data_files.size()) +
                     " data files cannot hold equal parts of its voxels");
  }
}

struct Parsed {
  Fields fields;
  Decoded decoded;
};

Parsed parse(Bytes file, const std::string& name) {
  if (!is_metaimage(file)) refuse(name, "no MetaImage header");
  Parsed parsed{read_fields(file, name), {}};
  const std::string* object = value_of(parsed.fields, {"ObjectType"});
  if (object != nullptr && lower_case(*object) != "image") {
    refuse(name, "a MetaIO object of type " + in_quotes(*object) + ", not an image");
  }
  Header& header = parsed.decoded.header;
  const std::string* binary = value_of(parsed.fields, {"BinaryData"});
  header.text = binary != nullptr && !is_true(binary);
  header.compressed = is_true(value_of(parsed.fields, {"CompressedData"}));
  header.big_endian =
      is_true(value_of(parsed.fields, {"BinaryDataByteOrderMSB", "ElementByteOrderMSB"}));
  read_shape(parsed.fields, parsed.decoded, name);
  read_geometry(parsed.fields, parsed.decoded, name);
  read_data_files(parsed.fields, parsed.decoded, name);
  return parsed;
}

// How the bytes of one data file become elements.
struct Reading {
  const Header& header;
  ElementType type;
  std::uint64_t bytes;            // wanted
  std::int64_t skip;              // HeaderSize; -1: the data end where the file ends
  std::int64_t compressed_bytes;  // CompressedDataSize; -1: up to the end
};

std::vector<std::byte> read_data(Bytes data, const Reading& reading, const std::string& name) {
  if (reading.header.text) {
    return internal::numbers_of_text(data, reading.type,
                                     reading.bytes / element_bytes(reading.type), name);
  }
  if (reading.skip > 0) {
    const auto skip = static_cast<std::uint64_t>(reading.skip);
    if (skip > data.size()) refuse(name, "its HeaderSize is larger than the file");
    data = data.subspan(skip);
  }
  if (reading.header.compressed) {
    if (reading.compressed_bytes >= 0) {
      const auto size = static_cast<std::uint64_t>(reading.compressed_bytes);
      if (size > data.size()) {
        refuse(name, std::to_string(size) + " compressed bytes are announced, " +
                         std::to_string(data.size()) + " are there");
      }
      data = data.subspan(0, size);
    }
    return gzip::inflate_exactly(data, reading.bytes, name);
  }
  if (data.size() < reading.bytes) {
    refuse(name,
           "its voxels need " + std::to_string(reading.bytes) + " bytes, but " +
               std::to_string(data.size()) + " are there",
           "The file was cut off; copy or download it again.");
  }
  data = reading.skip == -1 ? data.last(reading.bytes) : data.first(reading.bytes);
  return {data.begin(), data.end()};
}

std::vector<std::byte> read_voxels(Bytes file, const Parsed& parsed, const OpenFile& open,
                                   const std::string& name) {
  const auto& [header, volume] = parsed.decoded;
  Reading reading{header, volume.type, voxel_bytes(volume),
                  integer_of(parsed.fields, {"HeaderSize"}, name).value_or(0),
                  integer_of(parsed.fields, {"CompressedDataSize"}, name).value_or(-1)};
  if (reading.skip < -1) refuse(name, "its HeaderSize is negative");
  if (header.data_files.empty()) {
    // HeaderSize counts from the beginning of the file that holds the data.
    const auto header_bytes = static_cast<std::int64_t>(parsed.fields.data_at);
    if (reading.skip > 0 && reading.skip < header_bytes) {
      refuse(name, "its HeaderSize ends inside its header");
    }
    if (reading.skip > 0) reading.skip -= header_bytes;
    return read_data(file.subspan(parsed.fields.data_at), reading, name);
  }
  if (!open) {
    refuse(name, "its voxels lie in a file of their own: " + in_quotes(header.data_files[0]),
           "Give the data file as well, or a .mha that holds them.");
  }
  reading.bytes /= header.data_files.size();
  if (header.data_files.size() > 1) reading.compressed_bytes = -1;
  std::vector<std::byte> voxels;
  for (const std::string& data_file : header.data_files) {
    const std::vector<std::byte> data = open(data_file);
    std::vector<std::byte> part =
        read_data(data, reading, name + " (" + in_quotes(data_file) + ")");
    if (header.data_files.size() == 1) return part;
    voxels.insert(voxels.end(), part.begin(), part.end());
  }
  return voxels;
}

}  // namespace

bool is_metaimage(Bytes file) {
  // Which keys stand before DimSize is the writer's choice; that they are text is not.
  constexpr std::size_t kLookedAt = 4096;
  std::size_t at = 0;
  const Bytes head = file.subspan(0, std::min(file.size(), kLookedAt));
  while (const auto line = internal::next_line(head, at)) {
    const auto pair = key_and_value(*line);
    if (!pair) return false;
    if (pair->first == "NDims" || pair->first == "DimSize") return true;
    const bool key = std::all_of(pair->first.begin(), pair->first.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!key || pair->first.empty()) return false;
  }
  return false;
}

Decoded decode(Bytes file, const std::string& name, const OpenFile& open) {
  Parsed parsed = parse(file, name);
  std::vector<std::byte> voxels = read_voxels(file, parsed, open, name);
  Decoded& decoded = parsed.decoded;
  if (decoded.header.big_endian && !decoded.header.text) {
    swap_bytes(voxels, element_bytes(decoded.volume.type));
  }
  decoded.volume.voxels = std::move(voxels);
  return std::move(decoded);
}

Decoded scan(Bytes file, const std::string& name) { return parse(file, name).decoded; }

}  // namespace slicebank::metaimage
