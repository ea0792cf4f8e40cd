// Whole buffers through libdeflate: the fast way where both sizes are known.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "schema/sample.h"

namespace slicebank::internal {

// Inflates every gzip member (or the one zlib stream) into `out` and returns the bytes
// that came out. Nothing when anything is not as it should be or `out` is too small: the
// streaming reader then finds out what.
std::optional<std::size_t> inflate_whole(Bytes stream, bool gzip, MutableBytes out);

std::vector<std::byte> deflate_whole(Bytes bytes, bool gzip, int level);

}  // namespace slicebank::internal
