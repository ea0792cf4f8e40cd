// gzip and zlib streams, both directions, from and to memory. Any thread.
//
// The two are told apart by their first bytes. gzip may have many members, one behind
// the other, and zeros behind the last. What a stream says of its own size is never
// believed: memory grows with what really comes out. Truncated streams, wrong checksums
// and foreign bytes between members are Error(bad_format), beginning with `name`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/byte_source.h"
#include "schema/sample.h"

namespace slicebank::internal {
class MemberInflater;
}

namespace slicebank::gzip {

// Whether the bytes begin as a gzip member does.
bool is_gzip(Bytes file);

// A stream read from front to back, a piece at a time: neither it nor what comes out of it
// is ever held whole. One thread at a time.
class Reader {
 public:
  // `source` is borrowed. Reads its first bytes; throws as it does.
  Reader(const ByteSource& source, std::string name);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Whether the source begins as gzip does. Where not, read() takes it for zlib.
  bool has_gzip() const noexcept { return gzip_; }

  // Fills `out`; fewer bytes only behind the last member, when every checksum has held.
  std::size_t read(MutableBytes out);

  // Reads on without keeping anything; how many bytes that were, `bytes_max` at most.
  std::uint64_t skip(std::uint64_t bytes_max);

 private:
  bool fill_ahead(std::size_t bytes);
  void next_member();

  const ByteSource& source_;
  std::string name_;
  std::vector<std::byte> buffer_;
  Bytes ahead_;                    // in buffer_: read, not yet inflated
  std::uint64_t source_read_ = 0;  // bytes of the source that are or were in buffer_
  std::vector<std::byte> skipped_;
  bool gzip_ = false;
  bool ended_ = false;
  std::unique_ptr<internal::MemberInflater> member_;
};

// The whole stream. Error(limit) as soon as more than `bytes_max` come out.
std::vector<std::byte> inflate(Bytes stream, std::uint64_t bytes_max, const std::string& name);

// The `bytes` behind the first `skip` of a stream, which somebody else's header says are
// there: the fast way. Error(bad_format) when fewer come out; when deflate cannot press so
// many into a stream of this length, before any memory is asked for; and when more than a
// mebibyte follows them. The stream is read to its end, so its checksums hold.
std::vector<std::byte> inflate_exactly(Bytes stream, std::uint64_t bytes, const std::string& name,
                                       std::uint64_t skip = 0);

// What inflate_exactly() asks of a stream of `stream_bytes`: throws where `bytes` cannot
// come out of it.
void check_can_hold(std::uint64_t stream_bytes, std::uint64_t bytes, const std::string& name);

// Reads a stream of which `bytes` were announced and have been read to its end. Throws as
// inflate_exactly() does of what follows them.
void check_end(Reader& reader, std::uint64_t bytes, const std::string& name);

// At most the first `bytes`; fewer only where the stream ends. `stream` may be cut off
// behind them. For headers: the checksum is not reached.
std::vector<std::byte> inflate_prefix(Bytes stream, std::size_t bytes, const std::string& name);

// One gzip member without name and time: same bytes and level, same stream, for one
// release of libdeflate. `level` is 1 to 12.
std::vector<std::byte> compress(Bytes bytes, int level = 6);

// The same as one zlib stream.
std::vector<std::byte> compress_zlib(Bytes bytes, int level = 6);

}  // namespace slicebank::gzip
