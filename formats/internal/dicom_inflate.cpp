#include "formats/internal/dicom_inflate.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "schema/error.h"

namespace slicebank::dicom::internal {
namespace {

class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_ = {};
};

}  // namespace

Inflated inflate_front(Bytes stream, std::size_t bytes_max, const std::string& name) {
  constexpr std::size_t kStepMin = 1 << 16;
  constexpr std::size_t kStepMax = 1 << 28;
  Inflater inflater;
  z_stream& z = inflater.stream();
  std::vector<std::byte> out;
  std::size_t written = 0;
  InflateEnd end = InflateEnd::stream;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    if (z.avail_in == 0 && !stream.empty()) {
      const std::size_t step = std::min<std::size_t>(stream.size(), kStepMax);
      z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(stream.data()));
      z.avail_in = static_cast<uInt>(step);
      stream = stream.subspan(step);
    }
    if (written == out.size()) {
      if (written >= bytes_max) {
        end = InflateEnd::full;
        break;
      }
      out.resize(std::min(bytes_max, written + std::clamp(written, kStepMin, kStepMax)));
    }
    z.next_out = reinterpret_cast<Bytef*>(out.data() + written);
    z.avail_out = static_cast<uInt>(out.size() - written);
    const uInt room = z.avail_out;
    status = inflate(&z, Z_NO_FLUSH);
    written += room - z.avail_out;
    if (status == Z_BUF_ERROR) status = Z_OK;  // nothing was left to do, which is no damage
    if (status != Z_OK && status != Z_STREAM_END) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: the deflated data are damaged or truncated", name));
    }
    if (status == Z_OK && z.avail_in == 0 && stream.empty() && z.avail_out != 0) {
      end = InflateEnd::cut;
      break;
    }
  }
  out.resize(written);
  return {std::move(out), end};
}

std::vector<std::byte> inflate_whole(Bytes stream, std::size_t bytes_max, const std::string& name) {
  Inflated inflated = inflate_front(stream, bytes_max, name);
  if (inflated.end == InflateEnd::full) {
    throw Error(ErrorCode::limit,
                fmt::format("{}: deflated data grow beyond {} bytes", name, bytes_max));
  }
  if (inflated.end == InflateEnd::cut) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: the deflated data are truncated", name));
  }
  return std::move(inflated.bytes);
}

}  // namespace slicebank::dicom::internal
