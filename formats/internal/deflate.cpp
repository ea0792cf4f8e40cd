#include "formats/internal/deflate.h"

#include <libdeflate.h>

#include <memory>
#include <new>

#include "schema/error.h"

namespace slicebank::internal {
namespace {

struct DecompressorFree {
  void operator()(libdeflate_decompressor* handle) const noexcept {
    libdeflate_free_decompressor(handle);
  }
};
struct CompressorFree {
  void operator()(libdeflate_compressor* handle) const noexcept {
    libdeflate_free_compressor(handle);
  }
};

}  // namespace

std::optional<std::size_t> inflate_whole(Bytes stream, bool gzip, MutableBytes out) {
  const std::unique_ptr<libdeflate_decompressor, DecompressorFree> handle(
      libdeflate_alloc_decompressor());
  if (handle == nullptr) throw std::bad_alloc();
  std::size_t read = 0;
  std::size_t written = 0;
  do {
    const auto inflate = gzip ? libdeflate_gzip_decompress_ex : libdeflate_zlib_decompress_ex;
    std::size_t member_read = 0;
    std::size_t member_written = 0;
    if (inflate(handle.get(), stream.data() + read, stream.size() - read, out.data() + written,
                out.size() - written, &member_read, &member_written) != LIBDEFLATE_SUCCESS) {
      return std::nullopt;
    }
    read += member_read;
    written += member_written;
    if (!gzip) break;
    while (read < stream.size() && stream[read] == std::byte{0}) ++read;
  } while (read < stream.size());
  return written;
}

std::vector<std::byte> deflate_whole(Bytes bytes, bool gzip, int level) {
  if (level < 1 || level > 12) {
    throw Error(ErrorCode::bad_argument,
                "gzip: level " + std::to_string(level) + " is not 1 to 12");
  }
  const std::unique_ptr<libdeflate_compressor, CompressorFree> handle(
      libdeflate_alloc_compressor(level));
  if (handle == nullptr) throw std::bad_alloc();
  const auto bound = gzip ? libdeflate_gzip_compress_bound : libdeflate_zlib_compress_bound;
  const auto deflate = gzip ? libdeflate_gzip_compress : libdeflate_zlib_compress;
  std::vector<std::byte> out(bound(handle.get(), bytes.size()));
  out.resize(deflate(handle.get(), bytes.data(), bytes.size(), out.data(), out.size()));
  return out;
}

}  // namespace slicebank::internal
