#include "formats/npz_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <map>
#include <utility>

#include "formats/internal/zip.h"
#include "formats/npy.h"
#include "formats/source_tree.h"
#include "schema/error.h"

namespace slicebank {

using internal::ZipEntry;
using internal::ZipStream;

namespace {

constexpr std::uint64_t kFirstBytes = 1u << 20;  // of a member, before any of it was seen
constexpr std::uint64_t kSkipBytes = 256u << 10;

// What one member is; `header` says nothing where `member.refused` says something.
struct Slot {
  ZipEntry entry;
  npy::Header header;
};

std::string member_name(const std::string& file, const std::string& key) {
  return file + ": member '" + printable(key.substr(0, 100)) + "'";
}

// Numbers as they lie in the file. Memory follows what is there (`stored` bytes) and what
// inflates from it, never a claim.
std::vector<std::byte> read_growing(ZipStream& stream, std::uint64_t bytes, std::uint64_t stored) {
  const std::uint64_t first = std::max(kFirstBytes, 4 * stored);
  std::vector<std::byte> data;
  while (data.size() < bytes) {
    const std::size_t before = data.size();
    data.resize(std::min<std::uint64_t>(bytes, std::max(first, 2 * std::uint64_t{before})));
    stream.read(MutableBytes(data).subspan(before));
  }
  return data;
}

npy::Header read_member_header(const ByteSource& file, const ZipEntry& entry,
                               const std::string& what) {
  ZipStream stream(file, entry, what);
  std::vector<std::byte> begin;
  // Nearly all headers have 128 bytes; more is only inflated where a header asks for it.
  for (const std::size_t size : {std::size_t{256}, npy::kHeaderBytesMax}) {
    const std::size_t before = begin.size();
    begin.resize(before + std::min<std::uint64_t>(size - before, stream.left()));
    stream.read(MutableBytes(begin).subspan(before));
    if (stream.left() == 0 || begin.size() < 12) break;
    const std::size_t length =
        std::to_integer<std::size_t>(begin[8]) | std::to_integer<std::size_t>(begin[9]) << 8;
    if (begin[6] == std::byte{1} && length + 10 <= begin.size()) break;
  }
  npy::Header header = npy::read_header(begin, what);
  if (header.data_bytes != entry.bytes - header.header_bytes) {
    throw Error(ErrorCode::bad_format,
                fmt::format("{}: not a readable npy array: its shape needs {} bytes, and {} are "
                            "there",
                            what, header.data_bytes, entry.bytes - header.header_bytes));
  }
  return header;
}

}  // namespace

struct NpzReader::State {
  std::unique_ptr<const ByteSource> file;
  std::string name;
  std::vector<NpzMember> members;
  std::vector<Slot> slots;  // of members, in their order
  std::map<std::string, std::size_t, std::less<>> places;

  State(std::unique_ptr<const ByteSource> source, std::string named)
      : file(std::move(source)), name(std::move(named)) {
    for (ZipEntry& entry : internal::read_zip_directory(*file, name)) {
      if (entry.name.ends_with('/')) continue;  // a folder
      NpzMember member;
      member.key =
          entry.name.ends_with(".npy") ? entry.name.substr(0, entry.name.size() - 4) : entry.name;
      if (!places.emplace(member.key, members.size()).second) {
        throw Error(ErrorCode::bad_format, member_name(name, member.key) + " is there twice");
      }
      Slot slot{std::move(entry), {}};
      try {
        slot.header = read_member_header(*file, slot.entry, member_name(name, member.key));
        member.type = slot.header.type;
        member.shape = slot.header.shape;
        member.fortran_order = slot.header.fortran_order;
      } catch (const Error& error) {
        if (error.code() == ErrorCode::io) throw;
        member.refused = error.what();
      }
      members.push_back(std::move(member));
      slots.push_back(std::move(slot));
    }
  }

  const Slot& readable(const std::string& key) const {
    const auto place = places.find(key);
    if (place == places.end()) {
      throw Error(ErrorCode::not_found, member_name(name, key) + " is not there");
    }
    const std::string& refused = members[place->second].refused;
    if (!refused.empty()) throw Error(ErrorCode::bad_format, refused);
    return slots[place->second];
  }

  // Open, with the header behind it.
  ZipStream stream(const Slot& slot, const std::string& key) const {
    ZipStream opened(*file, slot.entry, member_name(name, key));
    std::vector<std::byte> header(slot.header.header_bytes);
    opened.read(header);
    return opened;
  }
};

struct NpzRows::State {
  npy::Header row_header;  // of one row
  std::uint64_t rows = 0;
  std::uint64_t row = 0;
  ZipStream stream;

  void finish_at_end() {
    if (row == rows) stream.finish();
  }
};

NpzRows::NpzRows(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
NpzRows::~NpzRows() = default;
NpzRows::NpzRows(NpzRows&&) noexcept = default;
NpzRows& NpzRows::operator=(NpzRows&&) noexcept = default;

std::uint64_t NpzRows::row() const noexcept { return state_->row; }
std::uint64_t NpzRows::rows() const noexcept { return state_->rows; }
std::size_t NpzRows::row_bytes() const noexcept { return state_->row_header.data_bytes; }

Array NpzRows::next() {
  assert(state_->row < state_->rows);
  Array row = npy::to_array(state_->row_header,
                            read_growing(state_->stream, state_->row_header.data_bytes, 0));
  ++state_->row;
  state_->finish_at_end();
  return row;
}

void NpzRows::skip(std::uint64_t count) {
  assert(count <= state_->rows - state_->row);
  if (count == 0) return;
  std::vector<std::byte> dropped(std::min<std::uint64_t>(kSkipBytes, state_->stream.left()));
  for (std::uint64_t bytes = count * state_->row_header.data_bytes; bytes > 0;) {
    const std::uint64_t piece = std::min<std::uint64_t>(bytes, dropped.size());
    state_->stream.read(MutableBytes(dropped).first(piece));
    bytes -= piece;
  }
  state_->row += count;
  state_->finish_at_end();
}

NpzReader::NpzReader(Bytes file, std::string name)
    : NpzReader(std::make_unique<MemorySource>(file), std::move(name)) {}
NpzReader::NpzReader(std::unique_ptr<const ByteSource> file, std::string name)
    : state_(std::make_unique<State>(std::move(file), std::move(name))) {}
NpzReader::~NpzReader() = default;
NpzReader::NpzReader(NpzReader&&) noexcept = default;
NpzReader& NpzReader::operator=(NpzReader&&) noexcept = default;

const std::vector<NpzMember>& NpzReader::members() const noexcept { return state_->members; }

const NpzMember* NpzReader::find(const std::string& key) const noexcept {
  const auto place = state_->places.find(key);
  return place == state_->places.end() ? nullptr : &state_->members[place->second];
}

Array NpzReader::read(const std::string& key) const {
  const Slot& slot = state_->readable(key);
  checked_elements(slot.header.shape, member_name(state_->name, key));
  ZipStream stream = state_->stream(slot, key);
  std::vector<std::byte> data =
      read_growing(stream, slot.header.data_bytes, slot.entry.stored_bytes);
  stream.finish();
  return npy::to_array(slot.header, std::move(data));
}

NpzRows NpzReader::rows(const std::string& key) const {
  const Slot& slot = state_->readable(key);
  const std::string what = member_name(state_->name, key);
  const std::vector<std::uint64_t>& shape = slot.header.shape;
  if (shape.empty()) throw Error(ErrorCode::bad_format, what + ": a single number has no rows");
  if (slot.header.fortran_order && shape.size() > 1) {
    throw Error(ErrorCode::bad_format, what + ": Fortran order keeps no row in one piece",
                "Load it with numpy and save it again after numpy.ascontiguousarray().");
  }
  npy::Header row = slot.header;
  row.shape.erase(row.shape.begin());
  row.data_bytes = checked_elements(row.shape, what) * element_bytes(row.type);
  if (row.data_bytes == 0 && shape.front() > 0) {
    throw Error(ErrorCode::bad_format, what + ": its rows hold nothing");
  }
  auto state = std::make_unique<NpzRows::State>(
      NpzRows::State{std::move(row), shape.front(), 0, state_->stream(slot, key)});
  return NpzRows(std::move(state));
}

void NpzReader::for_each_row(
    const std::string& key, std::uint64_t first, std::uint64_t count,
    const std::function<void(std::uint64_t index, const Array& row)>& row) const {
  NpzRows walk = rows(key);
  if (first > walk.rows() || count > walk.rows() - first) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("{}: rows {} to {} were asked for, and it has {}",
                            member_name(state_->name, key), first, first + count, walk.rows()));
  }
  walk.skip(first);
  for (std::uint64_t index = first; index < first + count; ++index) row(index, walk.next());
}

}  // namespace slicebank
