// Samples as TIFF packs them into rows, and as an Image holds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "formats/array.h"
#include "schema/sample.h"

namespace slicebank::internal {

// Writes `count` samples of `bits` to `out`, one every `out_step` bytes. 1 to 15 bits are
// read from the highest bit of each byte on; wider ones are the machine's own numbers. Less
// than 9 bits become u8, less than 17 u16, 24 u32; all else keeps its size. `row` holds
// count * bits bits.
void unpack_samples(Bytes row, std::size_t count, int bits, std::byte* out, std::size_t out_step);

// 2^bits - 1 - value for each number of an unsigned type, in place.
void invert_samples(std::vector<std::byte>& values, ElementType type, int bits);

}  // namespace slicebank::internal
