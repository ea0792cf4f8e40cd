// bzip2 streams, inflated in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

// The first `bytes` of the stream, which somebody else's header says are there. Memory
// grows with what comes out. Throws Error(bad_format), beginning with `name`, for a
// damaged or truncated stream, and when fewer bytes or far more come out; Error(limit)
// for more than a bomb would be refused for: bzip2 itself has no bound.
std::vector<std::byte> bunzip2_exactly(Bytes stream, std::uint64_t bytes, const std::string& name);

}  // namespace slicebank::internal
