#include "formats/internal/nrrd_header.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/internal/header_text.h"
#include "formats/internal/nrrd_axes.h"
#include "formats/internal/volume_data.h"
#include "formats/source_tree.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kHeaderBytesMax = std::size_t{1} << 22;  // Slicer keeps terminologies here
constexpr std::size_t kDataFilesMax = limits::kImageSideMax;
constexpr std::size_t kAxesMax = 16;  // NRRD's own bound

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error(ErrorCode::bad_format, name + ": " + why);
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kQuotedMax = 100;
  return "'" + printable(std::string(text.substr(0, kQuotedMax))) + "'";
}

// "data file" and "datafile" are one field, and so are "Byte Skip" and "byteskip".
std::string plain_key(std::string_view text) {
  std::string key = lower_case(trimmed(text));
  key.erase(std::remove(key.begin(), key.end(), ' '), key.end());
  return key;
}

// A value of "key:=value": \n and \\ are a line break and a backslash.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape && (text[i + 1] == 'n' || text[i + 1] == '\\')) {
      out += text[++i] == 'n' ? '\n' : '\\';
    } else {
      out += text[i];
    }
  }
  return out;
}

struct Lines {
  NrrdFields fields;
  std::map<std::string, std::string> key_values;
  std::vector<std::string> listed;  // data files behind "data file: LIST"
  std::size_t data_at = 0;
};

Lines read_lines(Bytes file, const std::string& name) {
  const Bytes head = file.subspan(0, std::min(file.size(), kHeaderBytesMax));
  Lines lines;
  std::size_t at = 0;
  next_line(head, at);  // the magic
  bool list = false;
  while (const auto line = next_line(head, at)) {
    if (line->empty()) {
      lines.data_at = at;
      return lines;
    }
    if (list) {
      lines.listed.emplace_back(trimmed(*line));
      continue;
    }
    if (line->front() == '#') continue;
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos) {
      refuse(name, "a line of its header is no 'field: value': " + in_quotes(*line));
    }
    const std::string_view value = line->substr(colon + 1);
    if (value.starts_with('=')) {
      lines.key_values[std::string(line->substr(0, colon))] = unescaped(value.substr(1));
      continue;
    }
    const std::string key = plain_key(line->substr(0, colon));
    lines.fields[key] = std::string(trimmed(value));
    list = key == "datafile" && trimmed(value).starts_with("LIST");
  }
  if (file.size() > kHeaderBytesMax) {
    throw Error(ErrorCode::limit, name + ": its header does not end within " +
                                      std::to_string(kHeaderBytesMax) + " bytes");
  }
  // A detached header may end without an empty line.
  lines.data_at = file.size();
  return lines;
}

const std::string& required(const NrrdFields& fields, const char* key, const std::string& name) {
  const auto found = fields.find(key);
  if (found == fields.end()) refuse(name, std::string("its header has no '") + key + "'");
  return found->second;
}

std::int64_t integer_of(const NrrdFields& fields, const char* key, std::int64_t otherwise,
                        const std::string& name) {
  const auto found = fields.find(key);
  if (found == fields.end()) return otherwise;
  const auto number = to_integer(found->second);
  if (!number) refuse(name, std::string(key) + " is no number: " + in_quotes(found->second));
  return *number;
}

ElementType type_of(const std::string& text, const std::string& name) {
  static const std::map<std::string, ElementType> kTypes = {
      {"signedchar", ElementType::i8},
      {"int8", ElementType::i8},
      {"int8_t", ElementType::i8},
      {"uchar", ElementType::u8},
      {"unsignedchar", ElementType::u8},
      {"uint8", ElementType::u8},
      {"uint8_t", ElementType::u8},
      {"short", ElementType::i16},
      {"shortint", ElementType::i16},
      {"signedshort", ElementType::i16},
      {"signedshortint", ElementType::i16},
      {"int16", ElementType::i16},
      {"int16_t", ElementType::i16},
      {"ushort", ElementType::u16},
      {"unsignedshort", ElementType::u16},
      {"unsignedshortint", ElementType::u16},
      {"uint16", ElementType::u16},
      {"uint16_t", ElementType::u16},
      {"int", ElementType::i32},
      {"signedint", ElementType::i32},
      {"int32", ElementType::i32},
      {"int32_t", ElementType::i32},
      {"uint", ElementType::u32},
      {"unsignedint", ElementType::u32},
      {"uint32", ElementType::u32},
      {"uint32_t", ElementType::u32},
      {"longlong", ElementType::i64},
      {"longlongint", ElementType::i64},
      {"signedlonglong", ElementType::i64},
      {"signedlonglongint", ElementType::i64},
      {"int64", ElementType::i64},
      {"int64_t", ElementType::i64},
      {"ulonglong", ElementType::u64},
      {"unsignedlonglong", ElementType::u64},
      {"unsignedlonglongint", ElementType::u64},
      {"uint64", ElementType::u64},
      {"uint64_t", ElementType::u64},
      {"float", ElementType::f32},
      {"double", ElementType::f64}};
  const auto found = kTypes.find(plain_key(text));
  if (found == kTypes.end()) {
    refuse(name, "elements of type " + in_quotes(text) + " cannot be kept as voxels");
  }
  return found->second;
}

std::string encoding_of(const std::string& text, const std::string& name) {
  static const std::map<std::string, std::string> kEncodings = {
      {"raw", "raw"},     {"gzip", "gzip"}, {"gz", "gzip"},    {"bzip2", "bzip2"}, {"bz2", "bzip2"},
      {"ascii", "ascii"}, {"txt", "ascii"}, {"text", "ascii"}, {"hex", "hex"}};
  const auto found = kEncodings.find(lower_case(text));
  if (found == kEncodings.end()) refuse(name, "encoding " + in_quotes(text) + " is not read");
  return found->second;
}

void read_sizes(const NrrdFields& fields, nrrd::Header& header, const std::string& name) {
  const auto dimension = to_integer(required(fields, "dimension", name));
  if (!dimension || *dimension < 1 || *dimension > static_cast<std::int64_t>(kAxesMax)) {
    refuse(name, "its dimension is not 1 to 16");
  }
  const std::string& sizes = required(fields, "sizes", name);
  for (const std::string& word : words(sizes)) {
    const auto size = to_integer(word);
    if (!size || *size < 1) refuse(name, "its sizes are none: " + in_quotes(sizes));
    header.dims.push_back(static_cast<std::uint64_t>(*size));
    if (header.dims.size() > kAxesMax) break;
  }
  if (header.dims.size() != static_cast<std::size_t>(*dimension)) {
    refuse(name, "its dimension and its sizes do not agree");
  }
  checked_elements(header.dims, name);
}

void read_data_files(const Lines& lines, nrrd::Header& header, const std::string& name) {
  const auto found = lines.fields.find("datafile");
  if (found == lines.fields.end()) return;
  const std::string& value = found->second;
  const std::vector<std::string> parts = words(value);
  if (value.starts_with("LIST")) {
    header.data_files = lines.listed;
  } else if (value.find('%') != std::string::npos && parts.size() >= 4) {
    // "<pattern> <min> <max> <step> [<axes a file>]"; the pattern is the first word.
    std::array<std::int64_t, 3> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const auto number = to_integer(parts[i + 1]);
      if (!number) refuse(name, "the pattern of its data files is none: " + in_quotes(value));
      numbers[i] = *number;
    }
    header.data_files =
        numbered_names(parts[0], numbers[0], numbers[1], numbers[2], kDataFilesMax, name);
  } else {
    header.data_files = {value};
  }
  if (header.data_files.empty() || header.data_files.size() > kDataFilesMax) {
    refuse(name, std::to_string(header.data_files.size()) + " data files");
  }
}

// Three whole numbers; others, negative ones among them, say nothing.
void read_extent_offset(nrrd::Header& header) {
  const auto said = header.key_values.find("Segmentation_ReferenceImageExtentOffset");
  if (said == header.key_values.end()) return;
  const std::vector<std::string> numbers = words(said->second);
  if (numbers.size() != 3) return;
  std::array<std::uint32_t, 3> offset{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto number = to_integer(numbers[axis]);
    if (!number || *number < 0 || *number > limits::kImageSideMax) return;
    offset[axis] = static_cast<std::uint32_t>(*number);
  }
  header.extent_offset = offset;
}

// Keys such as Segment12_LabelValue, by number.
void read_segments(nrrd::Header& header, const std::string& name) {
  constexpr std::string_view kPrefix = "Segment";
  std::map<std::uint32_t, nrrd::Segment> segments;
  for (const auto& [key, value] : header.key_values) {
    const std::size_t part = key.find('_');
    if (!key.starts_with(kPrefix) || part == std::string::npos) continue;
    const auto number = to_integer(std::string_view(key).substr(7, part - 7));
    if (!number || *number < 0 || *number > limits::kAnnotationsMax) continue;
    const auto index = static_cast<std::uint32_t>(*number);
    // Slicer before 4.11 gives each segment a layer of its own and no value.
    nrrd::Segment& segment =
        segments.try_emplace(index, nrrd::Segment{{}, {}, index, 1, {}, {}}).first->second;
    const std::string field = key.substr(part + 1);
    if (field == "ID") segment.id = value;
    if (field == "Name") segment.name = value;
    if (field == "Tags") segment.tags = value;
    if (field == "Layer" || field == "LabelValue") {
      const auto stored = to_integer(trimmed(value));
      if (!stored || *stored < 0 || *stored > 0xffffffffLL) {
        refuse(name, key + " is no number: " + in_quotes(value));
      }
      (field == "Layer" ? segment.layer : segment.label_value) =
          static_cast<std::uint32_t>(*stored);
    }
    if (field == "Color") {
      const std::vector<std::string> colour = words(value);
      std::array<double, 3> rgb{};
      bool known = colour.size() == 3;
      for (std::size_t i = 0; known && i < 3; ++i) {
        const auto level = to_number(colour[i]);
        known = level && *level >= 0 && *level <= 1;
        if (known) rgb[i] = *level;
      }
      if (known) segment.colour = rgb;
    }
  }
  for (auto& [index, segment] : segments) header.segments.push_back(std::move(segment));
}

}  // namespace

NrrdHeader parse_nrrd_header(Bytes file, const std::string& name) {
  if (!nrrd::is_nrrd(file)) refuse(name, "no NRRD header");
  Lines lines = read_lines(file, name);
  NrrdHeader result;
  result.data_at = lines.data_at;
  nrrd::Header& header = result.decoded.header;
  header.key_values = std::move(lines.key_values);
  Volume& volume = result.decoded.volume;
  volume.type = type_of(required(lines.fields, "type", name), name);
  header.encoding = encoding_of(required(lines.fields, "encoding", name), name);
  read_sizes(lines.fields, header, name);
  if (const auto kinds = lines.fields.find("kinds"); kinds != lines.fields.end()) {
    header.kinds = words(kinds->second);
    if (header.kinds.size() != header.dims.size()) {
      refuse(name, std::to_string(header.kinds.size()) + " kinds for " +
                       std::to_string(header.dims.size()) + " axes");
    }
  }
  if (const auto space = lines.fields.find("space"); space != lines.fields.end()) {
    header.space = space->second;
  }
  const auto endian = lines.fields.find("endian");
  const bool bytes_matter = element_bytes(volume.type) > 1 && header.encoding != "ascii";
  if (endian != lines.fields.end()) {
    header.big_endian = lower_case(endian->second) == "big";
    if (!header.big_endian && lower_case(endian->second) != "little") {
      refuse(name, "its endian is neither little nor big: " + in_quotes(endian->second));
    }
  } else if (bytes_matter) {
    refuse(name, "its header does not say in which order bytes come (endian)");
  }
  result.line_skip = integer_of(lines.fields, "lineskip", 0, name);
  result.byte_skip = integer_of(lines.fields, "byteskip", 0, name);
  if (result.line_skip < 0 || result.byte_skip < -1) {
    refuse(name, "its line skip or byte skip is negative");
  }
  read_data_files(lines, header, name);
  result.strides = read_nrrd_axes(lines.fields, result.decoded, name);
  check_volume(volume, name);
  read_segments(header, name);
  read_extent_offset(header);
  return result;
}

}  // namespace slicebank::internal
