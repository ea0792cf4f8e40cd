#include <algorithm>
#include <cstring>
#include <utility>

#include "formats/gzip.h"
#include "formats/internal/member_inflater.h"
#include "schema/error.h"

namespace slicebank::gzip {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 17;
constexpr std::size_t kMagicBytes = 3;
constexpr std::size_t kSkipStepBytes = std::size_t{1} << 16;

}  // namespace

Reader::Reader(const ByteSource& source, std::string name)
    : source_(source), name_(std::move(name)) {
  fill_ahead(kMagicBytes);
  gzip_ = is_gzip(ahead_);
  member_ = internal::make_member_inflater(gzip_);
}

Reader::~Reader() = default;

// Whether `bytes` lie ahead now, as they do but at the end of the source.
bool Reader::fill_ahead(std::size_t bytes) {
  if (ahead_.size() >= bytes) return true;
  const std::uint64_t left = source_.size() - source_read_;
  if (left == 0) return false;
  const std::size_t kept = ahead_.size();
  if (buffer_.empty()) {
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, kBufferBytes)));
  }
  if (kept != 0) std::memmove(buffer_.data(), ahead_.data(), kept);
  const std::size_t more =
      static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_.size() - kept));
  source_.read_at(source_read_, MutableBytes(buffer_).subspan(kept, more), name_);
  source_read_ += more;
  ahead_ = Bytes(buffer_).first(kept + more);
  return ahead_.size() >= bytes;
}

std::size_t Reader::read(MutableBytes out) {
  MutableBytes left = out;
  while (!ended_ && !left.empty()) {
    const bool source_ended = !fill_ahead(1);
    const std::size_t given = ahead_.size();
    const std::size_t wanted = left.size();
    switch (member_->step(ahead_, left)) {
      case internal::MemberInflater::Step::ended:
        next_member();
        break;
      case internal::MemberInflater::Step::damaged: {
        const std::string reason = member_->reason();
        throw Error(ErrorCode::bad_format, name_ + ": the compressed data are damaged" +
                                               (reason.empty() ? "" : ": " + reason));
      }
      case internal::MemberInflater::Step::going_on:
        if (source_ended && ahead_.size() == given && left.size() == wanted) {
          throw Error(ErrorCode::bad_format, name_ + ": the compressed data end early",
                      "The file was cut off; copy or download it again.");
        }
        break;
    }
  }
  return out.size() - left.size();
}

void Reader::next_member() {
  if (!gzip_) {
    ended_ = true;
    return;
  }
  do {
    while (!ahead_.empty() && ahead_[0] == std::byte{0}) ahead_ = ahead_.subspan(1);
  } while (ahead_.empty() && fill_ahead(1));
  if (ahead_.empty()) {
    ended_ = true;
    return;
  }
  fill_ahead(kMagicBytes);
  if (!is_gzip(ahead_)) {
    throw Error(ErrorCode::bad_format,
                name_ + ": bytes that are no gzip follow behind a gzip member");
  }
  member_->begin();
}

std::uint64_t Reader::skip(std::uint64_t bytes_max) {
  skipped_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max, kSkipStepBytes)));
  std::uint64_t total = 0;
  while (total < bytes_max) {
    const auto step =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes_max - total, skipped_.size()));
    const std::size_t got = read(MutableBytes(skipped_).first(step));
    total += got;
    if (got < step) break;
  }
  return total;
}

}  // namespace slicebank::gzip
