#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "formats/internal/member_inflater.h"

namespace slicebank::internal {
namespace {

class ZlibInflater final : public MemberInflater {
 public:
  explicit ZlibInflater(bool gzip) {
    constexpr int kWindowBits = 15;
    constexpr int kGzip = 16;  // zlib's way to ask for gzip's header and trailer
    if (inflateInit2(&state_, gzip ? kWindowBits + kGzip : kWindowBits) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~ZlibInflater() override { inflateEnd(&state_); }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;

  void begin() override { inflateReset(&state_); }

  Step step(Bytes& in, MutableBytes& out) override {
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();  // zlib counts in 32 bits
    const std::size_t given = std::min(in.size(), kMost);
    const std::size_t wanted = std::min(out.size(), kMost);
    // zlib reads through this pointer only; it predates const.
    auto* source = const_cast<std::byte*>(in.data());
    state_.next_in = reinterpret_cast<Bytef*>(source);
    state_.avail_in = static_cast<uInt>(given);
    state_.next_out = reinterpret_cast<Bytef*>(out.data());
    state_.avail_out = static_cast<uInt>(wanted);
    const int result = ::inflate(&state_, Z_NO_FLUSH);
    in = in.subspan(given - state_.avail_in);
    out = out.subspan(wanted - state_.avail_out);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_STREAM_END) return Step::ended;
    return result == Z_OK || result == Z_BUF_ERROR ? Step::going_on : Step::damaged;
  }

  const char* reason() const override { return state_.msg != nullptr ? state_.msg : ""; }

 private:
  z_stream state_ = {};
};

}  // namespace

std::unique_ptr<MemberInflater> make_zlib_inflater(bool gzip) {
  return std::make_unique<ZlibInflater>(gzip);
}

}  // namespace slicebank::internal
