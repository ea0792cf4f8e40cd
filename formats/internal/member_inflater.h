// One gzip member or zlib stream, inflated step by step: what zlib and ISA-L have in
// common. ISA-L is three times as fast and not on every machine, so the build chooses.
#pragma once

#include <memory>

#include "schema/sample.h"

namespace slicebank::internal {

class MemberInflater {
 public:
  enum class Step { going_on, ended, damaged };

  virtual ~MemberInflater() = default;

  // Forgets the last member: step() is given the first bytes of the next.
  virtual void begin() = 0;

  // Takes bytes from the front of `in` and puts what they make to the front of `out`; both
  // become what is left of them. Neither moves where more input is needed. ended: all of
  // the member is out, its checksum and length held, and `in` begins behind it.
  virtual Step step(Bytes& in, MutableBytes& out) = 0;

  // Why the last step found the member damaged; empty where nothing more is known.
  virtual const char* reason() const = 0;
};

// The fastest of this build for gzip (zlib otherwise), and zlib's. Throw std::bad_alloc.
std::unique_ptr<MemberInflater> make_member_inflater(bool gzip);
std::unique_ptr<MemberInflater> make_zlib_inflater(bool gzip);

// Whether libdeflate, which needs the whole of both sides (deflate.h), is faster than
// make_member_inflater(gzip).
bool whole_is_faster(bool gzip) noexcept;

}  // namespace slicebank::internal
