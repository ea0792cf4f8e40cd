// What a TIFF directory's numbers mean, and which of them are read.
#pragma once

#include <cstdint>

#include "formats/internal/tiff_file.h"
#include "formats/tiff.h"

namespace slicebank::internal {

tiff::Page describe_page(const TiffDirectory& directory);

// The bytes that a page must have in the file at least, given those of its packed samples: no
// compression does better. For a compression that is read.
std::uint64_t least_stored_bytes(const TiffDirectory& directory, std::uint64_t packed_bytes);

}  // namespace slicebank::internal
