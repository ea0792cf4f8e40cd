#include "formats/internal/bzip2.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "schema/error.h"

namespace slicebank::internal {
namespace {

constexpr std::uint64_t kSurplusBytesMax = std::uint64_t{1} << 20;
constexpr std::uint64_t kFreeBytes = std::uint64_t{1} << 28;
constexpr std::uint64_t kRatioMax = 1000;  // of what is beyond kFreeBytes
constexpr std::size_t kStepBytes = std::size_t{1} << 18;

struct ArchiveFree {
  void operator()(archive* handle) const noexcept { archive_read_free(handle); }
};
using Reader = std::unique_ptr<archive, ArchiveFree>;

[[noreturn]] void refuse_damaged(const std::string& name) {
  throw Error(ErrorCode::bad_format, name + ": its bzip2 data are damaged or end early");
}

// Fills `out`; fewer bytes only at the end.
std::size_t read(archive* reader, MutableBytes out, const std::string& name) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const la_ssize_t got = archive_read_data(reader, out.data() + filled, out.size() - filled);
    if (got < 0) refuse_damaged(name);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

Reader open(Bytes stream, const std::string& name) {
  // libarchive would take any other bytes for a file without a filter.
  if (stream.size() < 3 || std::memcmp(stream.data(), "BZh", 3) != 0) {
    throw Error(ErrorCode::bad_format, name + ": no bzip2 data where they should be");
  }
  Reader reader(archive_read_new());
  if (reader == nullptr) throw std::bad_alloc();
  archive_entry* entry = nullptr;
  if (archive_read_support_filter_bzip2(reader.get()) != ARCHIVE_OK ||
      archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), stream.data(), stream.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK ||
      archive_filter_code(reader.get(), 0) != ARCHIVE_FILTER_BZIP2) {
    refuse_damaged(name);
  }
  return reader;
}

}  // namespace

std::vector<std::byte> bunzip2_exactly(Bytes stream, std::uint64_t bytes, const std::string& name) {
  if (bytes > kFreeBytes && (bytes - kFreeBytes) / kRatioMax > stream.size()) {
    throw Error(ErrorCode::limit, name + ": " + std::to_string(bytes) + " bytes out of " +
                                      std::to_string(stream.size()) + " compressed ones");
  }
  const Reader reader = open(stream, name);
  std::vector<std::byte> out;
  while (out.size() < bytes) {
    const std::size_t before = out.size();
    const std::uint64_t step = std::max<std::uint64_t>(kStepBytes, before / 2);
    out.resize(before + static_cast<std::size_t>(std::min(step, bytes - before)));
    const std::size_t got = read(reader.get(), MutableBytes(out).subspan(before), name);
    if (before + got < out.size()) {
      throw Error(ErrorCode::bad_format, name + ": " + std::to_string(bytes) +
                                             " bytes are announced, but only " +
                                             std::to_string(before + got) + " come out");
    }
  }
  std::vector<std::byte> surplus(kSurplusBytesMax + 1);
  if (read(reader.get(), surplus, name) > kSurplusBytesMax) {
    throw Error(ErrorCode::bad_format,
                name + ": inflates far beyond the " + std::to_string(bytes) + " bytes announced");
  }
  return out;
}

}  // namespace slicebank::internal
