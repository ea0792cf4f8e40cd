#include "formats/internal/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kMembersMax = 10'000;
constexpr std::uint64_t kDirectoryBytesMax = 16u << 20;
constexpr std::uint64_t kDeflateRatioMax = 1100;  // deflate itself stops at 1032
constexpr std::size_t kInputBytes = 64u << 10;

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kEntrySignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kEntryBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kCommentBytesMax = 65'535;

constexpr int kStored = 0;
constexpr int kDeflated = 8;

[[noreturn]] void fail(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::bad_format, what + ": not a readable zip file: " + why,
              "Copy or download the file again; `unzip -t` says more.");
}

std::uint64_t get(Bytes bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  }
  return value;
}

std::vector<std::byte> read_range(const ByteSource& file, std::uint64_t offset, std::uint64_t size,
                                  const std::string& what) {
  std::vector<std::byte> bytes(size);
  file.read_at(offset, bytes, what);
  return bytes;
}

struct Directory {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
  std::uint64_t end = 0;  // of all that members may use
};

// The zip64 record that a locator in front of the end record points to.
void read_end64(Directory& directory, const ByteSource& file, std::uint64_t end_offset,
                const std::string& what) {
  if (end_offset < kLocator64Bytes) return;
  const auto locator = read_range(file, end_offset - kLocator64Bytes, kLocator64Bytes, what);
  if (get(locator, 0, 4) != kLocator64Signature) return;
  const std::uint64_t at = get(locator, 8, 8);
  if (end_offset - kLocator64Bytes < kEnd64Bytes ||
      at > end_offset - kLocator64Bytes - kEnd64Bytes) {
    fail(what, "the zip64 locator points outside of it");
  }
  const auto record = read_range(file, at, kEnd64Bytes, what);
  if (get(record, 0, 4) != kEnd64Signature) fail(what, "the zip64 end record is missing");
  if (get(record, 16, 4) != 0 || get(record, 20, 4) != 0) fail(what, "it is split over disks");
  directory.entries = get(record, 32, 8);
  directory.bytes = get(record, 40, 8);
  directory.offset = get(record, 48, 8);
  directory.end = at;
}

Directory find_directory(const ByteSource& file, const std::string& what) {
  if (file.size() < kEndBytes) fail(what, "the file is truncated");
  const std::uint64_t tail_bytes =
      std::min<std::uint64_t>(file.size(), kEndBytes + kCommentBytesMax);
  const std::uint64_t tail_offset = file.size() - tail_bytes;
  const auto tail = read_range(file, tail_offset, tail_bytes, what);
  for (std::size_t at = tail.size() - kEndBytes + 1; at-- > 0;) {
    if (get(tail, at, 4) != kEndSignature) continue;
    if (get(tail, at + 20, 2) != tail.size() - at - kEndBytes) continue;  // the comment ends it
    if (get(tail, at + 4, 2) != 0 || get(tail, at + 6, 2) != 0)
      fail(what, "it is split over disks");
    Directory directory;
    directory.entries = get(tail, at + 10, 2);
    directory.bytes = get(tail, at + 12, 4);
    directory.offset = get(tail, at + 16, 4);
    directory.end = tail_offset + at;
    read_end64(directory, file, tail_offset + at, what);
    if (directory.offset > directory.end || directory.bytes != directory.end - directory.offset) {
      fail(what, "its directory is not where it says");
    }
    if (directory.entries > kMembersMax || directory.bytes > kDirectoryBytesMax) {
      throw Error(ErrorCode::limit, fmt::format("{}: a zip of {} members; the limit is {}", what,
                                                directory.entries, kMembersMax));
    }
    return directory;
  }
  fail(what, "it has no directory at its end (a truncated file, or none)");
}

// Sizes and offset that did not fit into 32 bits.
void read_zip64_extra(Bytes extra, ZipEntry& entry, std::uint64_t& local_offset,
                      const std::string& what) {
  constexpr std::uint64_t kElsewhere = 0xffffffff;
  for (std::size_t at = 0; at + 4 <= extra.size();) {
    const std::uint64_t id = get(extra, at, 2);
    const std::uint64_t size = get(extra, at + 2, 2);
    at += 4;
    if (size > extra.size() - at) break;  // some writers pad; the sizes tell below
    if (id == 1) {
      std::size_t field = 0;
      for (std::uint64_t* value : {&entry.bytes, &entry.stored_bytes, &local_offset}) {
        if (*value != kElsewhere) continue;
        if (field + 8 > size) fail(what, "a zip64 field is too short");
        *value = get(extra, at + field, 8);
        field += 8;
      }
      return;
    }
    at += size;
  }
}

// Finds where the data begin, and that the two headers speak of the same member.
std::uint64_t data_offset(const ByteSource& file, std::uint64_t offset, const ZipEntry& entry,
                          const std::string& what) {
  const auto local = read_range(file, offset, kLocalBytes, what);
  if (get(local, 0, 4) != kLocalSignature) fail(what, "a member is not where the directory says");
  const std::uint64_t name_bytes = get(local, 26, 2);
  const auto name = read_range(file, offset + kLocalBytes, name_bytes, what);
  if (name.size() != entry.name.size() ||
      (!name.empty() && std::memcmp(name.data(), entry.name.data(), name.size()) != 0)) {
    fail(what, fmt::format("the member '{}' has another name in its own header",
                           printable(entry.name.substr(0, 100))));
  }
  return offset + kLocalBytes + name_bytes + get(local, 28, 2);
}

void check_sizes(const ZipEntry& entry, const std::string& what) {
  const std::string shown = printable(entry.name.substr(0, 100));
  if (entry.method == kStored && !entry.encrypted && entry.stored_bytes != entry.bytes) {
    fail(what, fmt::format("the stored member '{}' has two sizes", shown));
  }
  if (entry.bytes / kDeflateRatioMax > entry.stored_bytes) {
    fail(what, fmt::format("the member '{}' claims {} bytes out of {}; deflate cannot do that",
                           shown, entry.bytes, entry.stored_bytes));
  }
}

void check_overlaps(const std::vector<std::pair<std::uint64_t, std::uint64_t>>& ranges,
                    const std::string& what) {
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) fail(what, "members lie over one another");
  }
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(const ByteSource& file, const std::string& what) {
  const Directory directory = find_directory(file, what);
  const auto bytes = read_range(file, directory.offset, directory.bytes, what);
  const Bytes all(bytes);
  std::vector<ZipEntry> entries;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (all.size() - at < kEntryBytes || get(all, at, 4) != kEntrySignature) {
      fail(what, "its directory is damaged");
    }
    const std::size_t name_bytes = get(all, at + 28, 2);
    const std::size_t extra_bytes = get(all, at + 30, 2);
    const std::size_t comment_bytes = get(all, at + 32, 2);
    if (all.size() - at - kEntryBytes < name_bytes + extra_bytes + comment_bytes) {
      fail(what, "its directory is damaged");
    }
    ZipEntry entry;
    entry.encrypted = (get(all, at + 8, 2) & 0x2041u) != 0;  // bits 0, 6 and 13
    entry.method = static_cast<int>(get(all, at + 10, 2));
    entry.crc = static_cast<std::uint32_t>(get(all, at + 16, 4));
    entry.stored_bytes = get(all, at + 20, 4);
    entry.bytes = get(all, at + 24, 4);
    std::uint64_t local_offset = get(all, at + 42, 4);
    at += kEntryBytes;
    entry.name.assign(reinterpret_cast<const char*>(all.data()) + at, name_bytes);
    read_zip64_extra(all.subspan(at + name_bytes, extra_bytes), entry, local_offset, what);
    at += name_bytes + extra_bytes + comment_bytes;

    if (local_offset > directory.offset) fail(what, "a member lies behind the directory");
    entry.data_offset = data_offset(file, local_offset, entry, what);
    if (entry.data_offset > directory.offset ||
        entry.stored_bytes > directory.offset - entry.data_offset) {
      fail(what, "a member reaches into the directory");
    }
    check_sizes(entry, what);
    ranges.emplace_back(local_offset, entry.data_offset + entry.stored_bytes);
    entries.push_back(std::move(entry));
  }
  if (at != all.size()) fail(what, "its directory is longer than it says");
  std::sort(ranges.begin(), ranges.end());
  check_overlaps(ranges, what);
  return entries;
}

struct ZipStream::State {
  const ByteSource& file;
  ZipEntry entry;
  std::string what;
  z_stream inflater = {};
  std::vector<std::byte> input;
  std::uint64_t next_offset = 0;  // in the file, of what is not in `input` yet
  std::uint64_t stored_left = 0;
  std::uint64_t left = 0;
  uLong crc = 0;

  State(const ByteSource& source, const ZipEntry& from, std::string name)
      : file(source), entry(from), what(std::move(name)) {
    if (entry.encrypted) fail(what, "the member is encrypted");
    if (entry.method != kStored && entry.method != kDeflated) {
      fail(what, fmt::format("compression method {} is not read (only stored and deflated are)",
                             entry.method));
    }
    next_offset = entry.data_offset;
    stored_left = entry.stored_bytes;
    left = entry.bytes;
    crc = ::crc32(0, nullptr, 0);
    if (entry.method == kDeflated && inflateInit2(&inflater, -MAX_WBITS) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~State() {
    if (entry.method == kDeflated) inflateEnd(&inflater);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void refill() {
    input.resize(std::min<std::uint64_t>(stored_left, kInputBytes));
    file.read_at(next_offset, input, what);
    next_offset += input.size();
    stored_left -= input.size();
    inflater.next_in = reinterpret_cast<Bytef*>(input.data());
    inflater.avail_in = static_cast<uInt>(input.size());
  }

  // How much of `out` was filled; less than all only where the member ends.
  std::size_t inflate_into(MutableBytes out) {
    inflater.next_out = reinterpret_cast<Bytef*>(out.data());
    inflater.avail_out = static_cast<uInt>(out.size());
    while (inflater.avail_out > 0) {
      if (inflater.avail_in == 0 && stored_left > 0) refill();
      const uInt in_before = inflater.avail_in;
      const uInt out_before = inflater.avail_out;
      const int result = ::inflate(&inflater, Z_NO_FLUSH);
      if (result == Z_STREAM_END) break;
      const bool stuck = in_before == inflater.avail_in && out_before == inflater.avail_out;
      if ((result != Z_OK && result != Z_BUF_ERROR) || (stuck && stored_left == 0)) {
        fail(what, inflater.msg != nullptr ? std::string("damaged data: ") + inflater.msg
                                           : "the data end too early");
      }
    }
    return out.size() - inflater.avail_out;
  }
};

ZipStream::ZipStream(const ByteSource& file, const ZipEntry& entry, std::string what)
    : state_(std::make_unique<State>(file, entry, std::move(what))) {}
ZipStream::~ZipStream() = default;
ZipStream::ZipStream(ZipStream&&) noexcept = default;
ZipStream& ZipStream::operator=(ZipStream&&) noexcept = default;

std::uint64_t ZipStream::left() const noexcept { return state_->left; }

void ZipStream::read(MutableBytes out) {
  constexpr std::size_t kPieceBytes = 1u << 30;  // zlib counts in 32 bits
  State& state = *state_;
  assert(out.size() <= state.left);
  for (std::size_t at = 0; at < out.size();) {
    const MutableBytes piece = out.subspan(at, std::min(out.size() - at, kPieceBytes));
    if (state.entry.method == kStored) {
      state.file.read_at(state.next_offset, piece, state.what);
      state.next_offset += piece.size();
    } else if (state.inflate_into(piece) != piece.size()) {
      fail(state.what, "the data end before the size that the directory declares");
    }
    state.crc = ::crc32(state.crc, reinterpret_cast<const Bytef*>(piece.data()),
                        static_cast<uInt>(piece.size()));
    at += piece.size();
    state.left -= piece.size();
  }
}

void ZipStream::finish() {
  State& state = *state_;
  assert(state.left == 0);
  if (state.entry.method == kDeflated) {
    std::array<std::byte, 1> more;
    if (state.inflate_into(more) != 0) {
      fail(state.what, "more data than the directory declares");
    }
    if (state.inflater.avail_in != 0 || state.stored_left != 0) {
      fail(state.what, "something lies behind the end of the data");
    }
  }
  if (state.crc != state.entry.crc) fail(state.what, "the checksum is wrong");
}

}  // namespace slicebank::internal
