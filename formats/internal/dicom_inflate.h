// Raw deflate streams, as deflated data sets and deflated frames are. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::dicom::internal {

// All that is in the stream. Memory grows with what comes out; Error(limit) beyond
// `bytes_max`, Error(bad_format) for a damaged or truncated stream, both beginning with
// `name`.
std::vector<std::byte> inflate_whole(Bytes stream, std::size_t bytes_max, const std::string& name);

}  // namespace slicebank::dicom::internal
