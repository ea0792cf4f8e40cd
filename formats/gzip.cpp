#include "formats/gzip.h"

#include <algorithm>

#include "formats/internal/deflate.h"
#include "formats/internal/member_inflater.h"
#include "schema/error.h"

namespace slicebank::gzip {
namespace {

constexpr std::size_t kStepBytes = std::size_t{1} << 18;
constexpr std::uint64_t kSurplusBytesMax = std::uint64_t{1} << 20;

// Deflate spends at least two bits on a match, which copies 258 bytes at most.
constexpr std::uint64_t kDeflateRatioMax = 1032;

// A claimed size is believed when it is small or near what the stream's length suggests.
constexpr std::uint64_t kBelievedBytes = std::uint64_t{1} << 26;
constexpr std::uint64_t kBelievedRatio = 64;

// Up to `bytes` into a buffer that grows by what came out. Each step is cleared just
// before it is filled, while it is in the processor's cache.
std::vector<std::byte> read_growing(Reader& reader, std::uint64_t bytes, bool believed = false) {
  std::vector<std::byte> out;
  if (believed) out.reserve(static_cast<std::size_t>(bytes));
  while (out.size() < bytes) {
    const std::size_t before = out.size();
    out.resize(before +
               static_cast<std::size_t>(std::min<std::uint64_t>(kStepBytes, bytes - before)));
    const std::size_t got = reader.read(MutableBytes(out).subspan(before));
    if (before + got < out.size()) {
      out.resize(before + got);
      break;
    }
  }
  return out;
}

}  // namespace

bool is_gzip(Bytes file) {
  return file.size() >= 3 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b} &&
         file[2] == std::byte{8};
}

std::vector<std::byte> inflate(Bytes stream, std::uint64_t bytes_max, const std::string& name) {
  const MemorySource source(stream);
  Reader reader(source, name);
  std::vector<std::byte> out = read_growing(reader, bytes_max);
  if (out.size() == bytes_max && reader.skip(1) != 0) {
    throw Error(ErrorCode::limit,
                name + ": inflates to more than " + std::to_string(bytes_max) + " bytes");
  }
  return out;
}

void check_can_hold(std::uint64_t stream_bytes, std::uint64_t bytes, const std::string& name) {
  if (bytes / kDeflateRatioMax <= stream_bytes) return;
  throw Error(ErrorCode::bad_format, name + ": " + std::to_string(bytes) +
                                         " bytes are announced; " + std::to_string(stream_bytes) +
                                         " compressed bytes cannot hold them");
}

void check_end(Reader& reader, std::uint64_t bytes, const std::string& name) {
  if (reader.skip(kSurplusBytesMax + 1) <= kSurplusBytesMax) return;
  throw Error(ErrorCode::bad_format,
              name + ": inflates far beyond the " + std::to_string(bytes) + " bytes announced");
}

std::vector<std::byte> inflate_exactly(Bytes stream, std::uint64_t bytes, const std::string& name,
                                       std::uint64_t skip) {
  const std::uint64_t all = skip + bytes;
  check_can_hold(stream.size(), all, name);
  const bool believed = all <= kBelievedBytes || all / kBelievedRatio <= stream.size();
  // A zlib stream, and a gzip on a machine without ISA-L: libdeflate is the fastest there.
  if (believed && internal::whole_is_faster(is_gzip(stream))) {
    std::vector<std::byte> out(all);
    const auto got = internal::inflate_whole(stream, is_gzip(stream), out);
    if (got && *got == all) {
      out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(skip));
      return out;
    }
  }
  const MemorySource source(stream);
  Reader reader(source, name);
  const std::uint64_t skipped = reader.skip(skip);
  std::vector<std::byte> out = read_growing(reader, bytes, believed);
  if (out.size() < bytes) {
    throw Error(ErrorCode::bad_format, name + ": " + std::to_string(all) +
                                           " bytes are announced, but only " +
                                           std::to_string(skipped + out.size()) + " come out");
  }
  check_end(reader, all, name);
  return out;
}

std::vector<std::byte> inflate_prefix(Bytes stream, std::size_t bytes, const std::string& name) {
  const MemorySource source(stream);
  Reader reader(source, name);
  return read_growing(reader, bytes);
}

std::vector<std::byte> compress(Bytes bytes, int level) {
  return internal::deflate_whole(bytes, true, level);
}

std::vector<std::byte> compress_zlib(Bytes bytes, int level) {
  return internal::deflate_whole(bytes, false, level);
}

}  // namespace slicebank::gzip
