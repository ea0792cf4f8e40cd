#include "formats/npz.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>

#include "formats/npy.h"
#include "schema/error.h"

namespace slicebank::npz {
namespace {

constexpr std::size_t kAxesMax = 32;  // numpy's own bound

// Bytes an element; 0 for a descr that we do not write.
std::size_t element_bytes(const std::string& descr) {
  if (descr.size() != 3) return 0;
  const char order = descr[0];
  const char kind = descr[1];
  const std::size_t bytes = static_cast<std::size_t>(descr[2] - '0');
  if (kind == 'b') return order == '|' && bytes == 1 ? 1 : 0;
  if (kind == 'u' || kind == 'i') {
    if (bytes == 1) return order == '|' ? 1 : 0;
    return order == '<' && (bytes == 2 || bytes == 4 || bytes == 8) ? bytes : 0;
  }
  if (kind == 'f') return order == '<' && (bytes == 2 || bytes == 4 || bytes == 8) ? bytes : 0;
  return 0;
}

// Nothing is multiplied past 64 bits: false when it would be.
bool multiply(std::uint64_t& product, std::uint64_t factor) {
  return !__builtin_mul_overflow(product, factor, &product);
}

void check_array(const Array& array) {
  const std::size_t size = element_bytes(array.descr);
  if (size == 0) {
    throw Error(ErrorCode::bad_argument, "npy: cannot write elements of type '" + array.descr + "'",
                "Use |b1, |u1, |i1, <u2, <i2, <u4, <i4, <u8, <i8, <f2, <f4 or <f8.");
  }
  if (array.shape.size() > kAxesMax) {
    throw Error(ErrorCode::bad_argument,
                "npy: " + std::to_string(array.shape.size()) + " axes; numpy reads 32 at most");
  }
  std::uint64_t bytes = size;
  for (const std::uint64_t side : array.shape) {
    if (!multiply(bytes, side)) throw Error(ErrorCode::bad_argument, "npy: the shape is too large");
  }
  if (bytes != array.data.size()) {
    throw Error(ErrorCode::bad_argument, "npy: the shape needs " + std::to_string(bytes) +
                                             " bytes, but " + std::to_string(array.data.size()) +
                                             " are given");
  }
}

void append(std::vector<std::byte>& out, const std::string& text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  out.insert(out.end(), first, first + text.size());
}

void check_key(const std::string& key) {
  const bool printable = std::all_of(key.begin(), key.end(),
                                     [](char c) { return c >= 0x20 && c < 0x7f && c != '\\'; });
  if (key.empty() || !printable || key.front() == '/' || key.find("..") != std::string::npos) {
    throw Error(ErrorCode::bad_argument, "npz: '" + key + "' cannot be the name of an array",
                "Use plain ASCII letters, digits and _.");
  }
}

extern "C" la_ssize_t on_archive_write(archive* writer, void* client, const void* bytes,
                                       std::size_t size) {
  auto* out = static_cast<std::vector<std::byte>*>(client);
  try {
    const auto* first = static_cast<const std::byte*>(bytes);
    out->insert(out->end(), first, first + size);
  } catch (...) {  // no exception may pass through C
    archive_set_error(writer, ENOMEM, "out of memory");
    return -1;
  }
  return static_cast<la_ssize_t>(size);
}

struct ArchiveFree {
  void operator()(archive* handle) const noexcept { archive_write_free(handle); }
};
struct EntryFree {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};

void check(archive* writer, int result) {
  if (result >= ARCHIVE_WARN) return;
  const char* text = archive_error_string(writer);
  throw Error(ErrorCode::io, std::string("npz: ") + (text != nullptr ? text : "cannot write"));
}

void write_member(archive* writer, const Member& member) {
  const std::vector<std::byte> npy = encode_npy(member.array);
  const std::unique_ptr<archive_entry, EntryFree> entry(archive_entry_new());
  if (entry == nullptr) throw std::bad_alloc();
  archive_entry_set_pathname(entry.get(), (member.key + ".npy").c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(npy.size()));
  // Before 1980 the zip date is its smallest, in every time zone.
  archive_entry_set_mtime(entry.get(), 0, 0);
  check(writer, archive_write_header(writer, entry.get()));
  for (std::size_t at = 0; at < npy.size();) {
    const la_ssize_t written = archive_write_data(writer, npy.data() + at, npy.size() - at);
    if (written <= 0) check(writer, ARCHIVE_FATAL);
    at += static_cast<std::size_t>(written);
  }
  check(writer, archive_write_finish_entry(writer));
}

}  // namespace

std::uint64_t Array::elements() const noexcept {
  std::uint64_t product = 1;
  for (const std::uint64_t side : shape) product *= side;
  return product;
}

std::vector<std::byte> encode_npy(const Array& array) {
  check_array(array);
  const std::string header = npy::encode_header(array.descr, array.shape);
  std::vector<std::byte> file;
  file.reserve(header.size() + array.data.size());
  append(file, header);
  file.insert(file.end(), array.data.begin(), array.data.end());
  return file;
}

std::vector<std::byte> encode_npz(const std::vector<Member>& members) {
  std::set<std::string> keys;
  for (const Member& member : members) {
    check_key(member.key);
    if (!keys.insert(member.key).second) {
      throw Error(ErrorCode::bad_argument, "npz: two arrays are named '" + member.key + "'");
    }
  }
  std::vector<std::byte> file;
  const std::unique_ptr<archive, ArchiveFree> writer(archive_write_new());
  if (writer == nullptr) throw std::bad_alloc();
  check(writer.get(), archive_write_set_format_zip(writer.get()));
  check(writer.get(), archive_write_zip_set_compression_deflate(writer.get()));
  check(writer.get(), archive_write_set_bytes_in_last_block(writer.get(), 1));
  check(writer.get(), archive_write_open(writer.get(), &file, nullptr, on_archive_write, nullptr));
  for (const Member& member : members) write_member(writer.get(), member);
  check(writer.get(), archive_write_close(writer.get()));
  return file;
}

}  // namespace slicebank::npz
