#include "formats/internal/member_inflater.h"

#ifdef SLICEBANK_ISAL

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>

namespace slicebank::internal {
namespace {

// Walks over a member's header, given in pieces. ISA-L has such a walk of its own, which
// (as of 2.30) refuses a header with a checksum where it comes in several pieces.
class GzipHeader {
 public:
  enum class State { going_on, ended, damaged };

  State step(Bytes& in) {
    std::size_t used = 0;
    while (used < in.size() && part_ != Part::end && !damaged_) {
      take(std::to_integer<std::uint8_t>(in[used++]));
    }
    in = in.subspan(used);
    return damaged_ ? State::damaged : part_ == Part::end ? State::ended : State::going_on;
  }

 private:
  enum class Part { fixed, extra_length, extra, name, comment, checksum, end };

  static constexpr unsigned kChecksum = 2;
  static constexpr unsigned kExtra = 4;
  static constexpr unsigned kName = 8;
  static constexpr unsigned kComment = 16;
  static constexpr unsigned kUnknown = 0xe0;

  void take(std::uint8_t byte) {
    if (part_ == Part::checksum) {
      damaged_ = byte != static_cast<std::uint8_t>(at_ == 0 ? crc_ : crc_ >> 8);
      if (++at_ == 2) go_on(Part::end);
      return;
    }
    crc_ = crc32_gzip_refl(crc_, &byte, 1);
    switch (part_) {
      case Part::fixed: {
        constexpr std::uint8_t kMagic[] = {0x1f, 0x8b, 8};
        if (at_ < 3 && byte != kMagic[at_]) damaged_ = true;
        if (at_ == 3) {
          flags_ = byte;
          damaged_ = (flags_ & kUnknown) != 0;
        }
        if (++at_ == 10) go_on(Part::extra_length);
        break;
      }
      case Part::extra_length:
        extra_length_ |= static_cast<std::size_t>(byte) << (8 * at_);
        if (++at_ == 2) go_on(extra_length_ == 0 ? Part::name : Part::extra);
        break;
      case Part::extra:
        if (++at_ == extra_length_) go_on(Part::name);
        break;
      case Part::name:
        if (byte == 0) go_on(Part::comment);
        break;
      case Part::comment:
        if (byte == 0) go_on(Part::checksum);
        break;
      case Part::checksum:
      case Part::end:
        break;
    }
  }

  // To `part`, or to the next after it that this header has.
  void go_on(Part part) {
    if (part == Part::extra_length && (flags_ & kExtra) == 0) part = Part::name;
    if (part == Part::name && (flags_ & kName) == 0) part = Part::comment;
    if (part == Part::comment && (flags_ & kComment) == 0) part = Part::checksum;
    if (part == Part::checksum && (flags_ & kChecksum) == 0) part = Part::end;
    part_ = part;
    at_ = 0;
  }

  Part part_ = Part::fixed;
  std::size_t at_ = 0;  // bytes of the part that were taken
  std::size_t extra_length_ = 0;
  unsigned flags_ = 0;
  std::uint32_t crc_ = 0;
  bool damaged_ = false;
};

class IsalInflater final : public MemberInflater {
 public:
  // Not zeroed: most of it are windows and tables that ISA-L fills before it looks.
  IsalInflater() : state_(new inflate_state) { IsalInflater::begin(); }

  void begin() override {
    header_ = GzipHeader();
    in_header_ = true;
    result_ = 0;
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
  }

  Step step(Bytes& in, MutableBytes& out) override {
    if (in_header_) {
      const GzipHeader::State header = header_.step(in);
      if (header == GzipHeader::State::damaged) result_ = ISAL_INVALID_WRAPPER;
      if (header == GzipHeader::State::damaged) return Step::damaged;
      if (header == GzipHeader::State::going_on) return Step::going_on;
      in_header_ = false;
    }
    constexpr std::size_t kMost = std::size_t{1} << 30;  // ISA-L counts in 32 bits
    const std::size_t given = std::min(in.size(), kMost);
    const std::size_t wanted = std::min(out.size(), kMost);
    // ISA-L reads through this pointer only.
    auto* source = const_cast<std::byte*>(in.data());
    state_->next_in = reinterpret_cast<std::uint8_t*>(source);
    state_->avail_in = static_cast<std::uint32_t>(given);
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(wanted);
    result_ = isal_inflate(state_.get());
    in = in.subspan(given - state_->avail_in);
    out = out.subspan(wanted - state_->avail_out);
    if (result_ < 0 || result_ == ISAL_NEED_DICT) return Step::damaged;
    return state_->block_state == ISAL_BLOCK_FINISH ? Step::ended : Step::going_on;
  }

  const char* reason() const override {
    switch (result_) {
      case ISAL_INVALID_BLOCK:
        return "invalid block";
      case ISAL_INVALID_SYMBOL:
        return "invalid code";
      case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
      case ISAL_INCORRECT_CHECKSUM:
        return "incorrect checksum or length";
      case ISAL_INVALID_WRAPPER:
        return "incorrect gzip header";
      default:
        return "";
    }
  }

 private:
  std::unique_ptr<inflate_state> state_;
  GzipHeader header_;
  bool in_header_ = true;
  int result_ = 0;
};

}  // namespace

std::unique_ptr<MemberInflater> make_member_inflater(bool gzip) {
  if (!gzip) return make_zlib_inflater(gzip);
  return std::make_unique<IsalInflater>();
}

bool whole_is_faster(bool gzip) noexcept { return !gzip; }

}  // namespace slicebank::internal

#else

namespace slicebank::internal {

std::unique_ptr<MemberInflater> make_member_inflater(bool gzip) { return make_zlib_inflater(gzip); }

bool whole_is_faster(bool) noexcept { return true; }

}  // namespace slicebank::internal

#endif
