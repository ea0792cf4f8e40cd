#include "formats/nrrd.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "formats/gzip.h"
#include "formats/internal/bzip2.h"
#include "formats/internal/nrrd_header.h"
#include "formats/internal/volume_data.h"
#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::nrrd {
namespace {

constexpr std::uint64_t kSkippedBytesMax = std::uint64_t{1} << 26;  // of inflated bytes

[[noreturn]] void refuse(const std::string& name, const std::string& why, std::string hint = {}) {
  throw Error(ErrorCode::bad_format, name + ": " + why, std::move(hint));
}

Bytes without_lines(Bytes data, std::int64_t lines, const std::string& name) {
  for (; lines > 0; --lines) {
    const auto end = std::find(data.begin(), data.end(), std::byte{'\n'});
    if (end == data.end()) refuse(name, "it has fewer lines than its line skip says");
    data = data.subspan(static_cast<std::size_t>(end - data.begin()) + 1);
  }
  return data;
}

// The wanted bytes behind `skip` others, or at the end where skip is -1.
std::vector<std::byte> raw_part(Bytes data, std::int64_t skip, std::uint64_t bytes,
                                const std::string& name) {
  const std::uint64_t before = skip < 0 ? 0 : static_cast<std::uint64_t>(skip);
  if (before > data.size() || data.size() - before < bytes) {
    refuse(name,
           "its voxels need " + std::to_string(bytes) + " bytes, but " +
               std::to_string(data.size() - std::min<std::uint64_t>(before, data.size())) +
               " are there",
           "The file was cut off; copy or download it again.");
  }
  const Bytes part = skip < 0 ? data.last(bytes) : data.subspan(before, bytes);
  return {part.begin(), part.end()};
}

// The elements of one data file, in its own order of bytes.
std::vector<std::byte> read_data(Bytes data, const internal::NrrdHeader& header,
                                 std::uint64_t bytes, const std::string& name) {
  const std::string& encoding = header.decoded.header.encoding;
  data = without_lines(data, header.line_skip, name);
  if (encoding == "raw") return raw_part(data, header.byte_skip, bytes, name);
  if (encoding == "gzip" || encoding == "bzip2") {
    if (header.byte_skip > static_cast<std::int64_t>(kSkippedBytesMax)) {
      throw Error(ErrorCode::limit, name + ": its byte skip is too large");
    }
    const std::uint64_t skip =
        header.byte_skip > 0 ? static_cast<std::uint64_t>(header.byte_skip) : 0;
    if (encoding == "gzip" && header.byte_skip == -1) {
      return raw_part(gzip::inflate(data, bytes + kSkippedBytesMax, name), -1, bytes, name);
    }
    if (header.byte_skip == -1) refuse(name, "byte skip -1 is not read from bzip2");
    std::vector<std::byte> all = encoding == "gzip"
                                     ? gzip::inflate_exactly(data, skip + bytes, name)
                                     : internal::bunzip2_exactly(data, skip + bytes, name);
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(skip));
    return all;
  }
  if (header.byte_skip > 0) {
    data = data.subspan(std::min(static_cast<std::size_t>(header.byte_skip), data.size()));
  }
  if (encoding == "hex") return internal::bytes_of_hex(data, bytes, name);
  const ElementType type = header.decoded.volume.type;
  return internal::numbers_of_text(data, type, bytes / element_bytes(type), name);
}

std::vector<std::byte> read_voxels(Bytes file, const internal::NrrdHeader& header,
                                   const OpenFile& open, const std::string& name) {
  const auto& [described, volume] = header.decoded;
  const std::uint64_t bytes = voxel_bytes(volume);
  const std::vector<std::string>& data_files = described.data_files;
  if (data_files.empty()) return read_data(file.subspan(header.data_at), header, bytes, name);
  const std::string first = "'" + printable(data_files[0].substr(0, 100)) + "'";
  if (!open) {
    refuse(name, "its voxels lie in a file of their own: " + first,
           "Give the data file as well, or a .nrrd that holds them.");
  }
  const std::uint64_t elements = bytes / element_bytes(volume.type);
  if (elements % data_files.size() != 0) {
    refuse(name, std::to_string(data_files.size()) + " data files cannot hold equal parts");
  }
  std::vector<std::byte> voxels;
  for (const std::string& data_file : data_files) {
    const std::vector<std::byte> data = open(data_file);
    std::vector<std::byte> part =
        read_data(data, header, bytes / data_files.size(),
                  name + " ('" + printable(data_file.substr(0, 100)) + "')");
    if (data_files.size() == 1) return part;
    voxels.insert(voxels.end(), part.begin(), part.end());
  }
  return voxels;
}

// Whether the file's order already is frame, k, j, i, channel.
bool in_order(const Volume& volume, const std::array<std::size_t, 5>& strides) {
  std::size_t expected = 1;
  const std::array<std::size_t, 5> sizes = {volume.frames, volume.size_ijk[2], volume.size_ijk[1],
                                            volume.size_ijk[0], volume.channels};
  for (std::size_t axis = 5; axis-- > 0;) {
    if (sizes[axis] > 1 && strides[axis] != expected) return false;
    expected *= sizes[axis];
  }
  return true;
}

}  // namespace

bool is_nrrd(Bytes file) {
  constexpr std::string_view kMagic = "NRRD000";
  return file.size() > kMagic.size() &&
         std::string_view(reinterpret_cast<const char*>(file.data()), kMagic.size()) == kMagic;
}

Decoded decode(Bytes file, const std::string& name, const OpenFile& open) {
  internal::NrrdHeader header = internal::parse_nrrd_header(file, name);
  std::vector<std::byte> voxels = read_voxels(file, header, open, name);
  Volume& volume = header.decoded.volume;
  const std::size_t size = element_bytes(volume.type);
  if (header.decoded.header.big_endian && header.decoded.header.encoding != "ascii") {
    swap_bytes(voxels, size);
  }
  if (!in_order(volume, header.strides)) {
    voxels = internal::gathered(voxels,
                                {volume.frames, volume.size_ijk[2], volume.size_ijk[1],
                                 volume.size_ijk[0], volume.channels},
                                header.strides, size);
  }
  volume.voxels = std::move(voxels);
  return std::move(header.decoded);
}

Decoded scan(Bytes file, const std::string& name) {
  return internal::parse_nrrd_header(file, name).decoded;
}

}  // namespace slicebank::nrrd
