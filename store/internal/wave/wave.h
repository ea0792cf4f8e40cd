// The wavefront image codec: lossless, for 8- and 16-bit integer images.
//
// MED-family prediction in a skewed order, tile classes, raw noise bits, flat contexts,
// a rank map, Huffman-only segments: docs/format-wave.md has every byte.
// The bytes and the pixels are the same on every machine, whatever kernels it runs.
// Any thread; scratch memory is kept per thread.
#pragma once

#include <string_view>
#include <vector>

#include "schema/sample.h"
#include "store/record.h"

namespace slicebank::wave {

// u8, i8: width >= 48 and height >= 16. u16, i16: width >= 48 and height >= 8.
// 1 to 32 channels.
bool suits(const ImageShape& shape) noexcept;

// The image section. `image.shape` must suit.
std::vector<std::byte> encode(const ImageView& image, Effort effort);

// Inverse of encode(). Writes all of `out_hwc`, whose size must be shape.bytes(). Survives
// any input: Error(corrupt) for a section that encode() cannot have written, never an
// access outside `section` and `out_hwc`, and no more than a few times the image in memory.
// With `rows` it stops behind the last one: what follows is neither restored nor checked,
// and rows outside may hold anything.
void decode(const ImageShape& shape, Bytes section, MutableBytes out_hwc, RowRange rows = {});

// The kernels this machine runs: "avx2", "sse4.1", "neon" or "scalar". Tests force one
// with set_kernels (false when this build or machine has it not; not thread-safe).
std::string_view kernels();
bool set_kernels(std::string_view name);

}  // namespace slicebank::wave
