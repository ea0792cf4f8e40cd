// gzip and zlib streams, both directions, from and to memory. Any thread.
//
// The two are told apart by their first bytes. gzip may have many members, one behind
// the other, and zeros behind the last. What a stream says of its own size is never
// believed: memory grows with what really comes out. Truncated streams, wrong checksums
// and foreign bytes between members are Error(bad_format), beginning with `name`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::gzip {

// Whether the bytes begin as a gzip member does.
bool is_gzip(Bytes file);

// The whole stream. Error(limit) as soon as more than `bytes_max` come out.
std::vector<std::byte> inflate(Bytes stream, std::uint64_t bytes_max, const std::string& name);

// The first `bytes` of a stream that somebody else's header says are there: the fast way.
// Error(bad_format) when fewer come out; when deflate cannot press so many into a stream
// of this length, before any memory is asked for; and when more than a mebibyte follows
// them. The stream is read to its end, so its checksums hold.
std::vector<std::byte> inflate_exactly(Bytes stream, std::uint64_t bytes, const std::string& name);

// At most the first `bytes`; fewer only where the stream ends. `stream` may be cut off
// behind them. For headers: the checksum is not reached.
std::vector<std::byte> inflate_prefix(Bytes stream, std::size_t bytes, const std::string& name);

// One gzip member without name and time: same bytes and level, same stream, for one
// release of libdeflate. `level` is 1 to 12.
std::vector<std::byte> compress(Bytes bytes, int level = 6);

// The same as one zlib stream.
std::vector<std::byte> compress_zlib(Bytes bytes, int level = 6);

}  // namespace slicebank::gzip
