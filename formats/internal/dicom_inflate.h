// Raw deflate streams, as deflated data sets and deflated frames are. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::dicom::internal {

// Why an Inflated ends where it does: so does the stream; as many as were asked for; or the
// stream is cut off.
enum class InflateEnd { stream, full, cut };

struct Inflated {
  std::vector<std::byte> bytes;
  InflateEnd end = InflateEnd::stream;
};

// At most the first `bytes_max`. Memory grows with what comes out; Error(bad_format),
// beginning with `name`, for a damaged stream.
Inflated inflate_front(Bytes stream, std::size_t bytes_max, const std::string& name);

// All that is in the stream. Error(limit) beyond `bytes_max`, Error(bad_format) for a damaged
// or truncated stream.
std::vector<std::byte> inflate_whole(Bytes stream, std::size_t bytes_max, const std::string& name);

}  // namespace slicebank::dicom::internal
