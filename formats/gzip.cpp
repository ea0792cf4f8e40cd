#include "formats/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "formats/internal/deflate.h"
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

// One zlib state over all members of a stream.
class Inflater {
 public:
  Inflater(Bytes stream, const std::string& name)
      : stream_(stream), name_(name), gzip_(is_gzip(stream)) {
    constexpr int kWindowBits = 15;
    constexpr int kGzip = 16;  // zlib's way to ask for gzip's header and trailer
    if (inflateInit2(&state_, gzip_ ? kWindowBits + kGzip : kWindowBits) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Inflater() { inflateEnd(&state_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Fills `out`; fewer bytes only behind the last member, whose checksum then held.
  std::size_t read(MutableBytes out) {
    std::size_t filled = 0;
    while (!ended_ && filled < out.size()) {
      constexpr std::size_t kMost = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
      const std::size_t given = std::min(stream_.size() - read_, kMost);
      const std::size_t wanted = std::min(out.size() - filled, kMost);
      // zlib reads through this pointer only; it predates const.
      auto* source = const_cast<std::byte*>(stream_.data() + read_);
      state_.next_in = reinterpret_cast<Bytef*>(source);
      state_.avail_in = static_cast<uInt>(given);
      state_.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
      state_.avail_out = static_cast<uInt>(wanted);
      const int result = ::inflate(&state_, Z_NO_FLUSH);
      read_ += given - state_.avail_in;
      filled += wanted - state_.avail_out;
      if (result == Z_STREAM_END) {
        next_member();
      } else if (result != Z_OK) {
        fail(result);
      }
    }
    return filled;
  }

 private:
  void next_member() {
    if (gzip_) {
      while (read_ < stream_.size() && stream_[read_] == std::byte{0}) ++read_;
    }
    if (!gzip_ || read_ == stream_.size()) {
      ended_ = true;
      return;
    }
    if (!is_gzip(stream_.subspan(read_))) {
      throw Error(ErrorCode::bad_format,
                  name_ + ": bytes that are no gzip follow behind a gzip member");
    }
    inflateReset(&state_);
  }

  [[noreturn]] void fail(int result) const {
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_BUF_ERROR) {
      throw Error(ErrorCode::bad_format, name_ + ": the compressed data end early",
                  "The file was cut off; copy or download it again.");
    }
    const std::string reason = state_.msg != nullptr ? state_.msg : "not a zlib stream";
    throw Error(ErrorCode::bad_format, name_ + ": the compressed data are damaged: " + reason);
  }

  Bytes stream_;
  const std::string& name_;
  z_stream state_ = {};
  std::size_t read_ = 0;
  bool gzip_ = false;
  bool ended_ = false;
};

// Up to `bytes` into a buffer that grows by what came out.
std::vector<std::byte> read_growing(Inflater& inflater, std::uint64_t bytes) {
  std::vector<std::byte> out;
  while (out.size() < bytes) {
    const std::size_t before = out.size();
    const std::uint64_t step = std::max<std::uint64_t>(kStepBytes, before / 2);
    out.resize(before + static_cast<std::size_t>(std::min(step, bytes - before)));
    const std::size_t got = inflater.read(MutableBytes(out).subspan(before));
    if (before + got < out.size()) {
      out.resize(before + got);
      break;
    }
  }
  return out;
}

// Reads on without keeping anything; true when at most `bytes_max` came.
bool ends_within(Inflater& inflater, std::uint64_t bytes_max) {
  std::vector<std::byte> scratch(kStepBytes);
  std::uint64_t total = 0;
  while (total <= bytes_max) {
    const std::size_t got = inflater.read(scratch);
    total += got;
    if (got < scratch.size()) return total <= bytes_max;
  }
  return false;
}

}  // namespace

bool is_gzip(Bytes file) {
  return file.size() >= 3 && file[0] == std::byte{0x1f} && file[1] == std::byte{0x8b} &&
         file[2] == std::byte{8};
}

std::vector<std::byte> inflate(Bytes stream, std::uint64_t bytes_max, const std::string& name) {
  Inflater inflater(stream, name);
  std::vector<std::byte> out = read_growing(inflater, bytes_max);
  if (out.size() == bytes_max && !ends_within(inflater, 0)) {
    throw Error(ErrorCode::limit,
                name + ": inflates to more than " + std::to_string(bytes_max) + " bytes");
  }
  return out;
}

std::vector<std::byte> inflate_exactly(Bytes stream, std::uint64_t bytes, const std::string& name) {
  if (bytes / kDeflateRatioMax > stream.size()) {
    throw Error(ErrorCode::bad_format,
                name + ": " + std::to_string(bytes) + " bytes are announced; " +
                    std::to_string(stream.size()) + " compressed bytes cannot hold them");
  }
  if (bytes <= kBelievedBytes || bytes / kBelievedRatio <= stream.size()) {
    std::vector<std::byte> out(bytes);
    const auto got = internal::inflate_whole(stream, is_gzip(stream), out);
    if (got && *got == bytes) return out;
  }
  Inflater inflater(stream, name);
  std::vector<std::byte> out = read_growing(inflater, bytes);
  if (out.size() < bytes) {
    throw Error(ErrorCode::bad_format, name + ": " + std::to_string(bytes) +
                                           " bytes are announced, but only " +
                                           std::to_string(out.size()) + " come out");
  }
  if (!ends_within(inflater, kSurplusBytesMax)) {
    throw Error(ErrorCode::bad_format,
                name + ": inflates far beyond the " + std::to_string(bytes) + " bytes announced");
  }
  return out;
}

std::vector<std::byte> inflate_prefix(Bytes stream, std::size_t bytes, const std::string& name) {
  Inflater inflater(stream, name);
  return read_growing(inflater, bytes);
}

std::vector<std::byte> compress(Bytes bytes, int level) {
  return internal::deflate_whole(bytes, true, level);
}

std::vector<std::byte> compress_zlib(Bytes bytes, int level) {
  return internal::deflate_whole(bytes, false, level);
}

}  // namespace slicebank::gzip
