// Chooses a codec for each image, and undoes it. docs/format-record.md, "Image section".
#pragma once

#include <cstdint>
#include <vector>

#include "schema/record_layout.h"
#include "schema/sample.h"
#include "store/record.h"

namespace slicebank {

struct EncodedImage {
  ImageCodec codec = ImageCodec::raw;
  std::uint32_t dictionary_id = 0;  // 0: none
  std::uint32_t dictionary_check = 0;
  std::vector<std::byte> section;
};

// The shape must have passed check_shape(), the bytes must be those of the shape.
EncodedImage encode_image(const ImageView& image, const CodecOptions& options);

// Writes at least `rows` of `out_hwc`; others may hold anything. `dictionary` is the one the
// header names, or null. Throws Error(corrupt) for what encode_image() cannot have written,
// as far as it looks.
void decode_image_section(const ImageShape& shape, ImageCodec codec, Bytes section,
                          const Dictionary* dictionary, MutableBytes out_hwc, RowRange rows = {});

}  // namespace slicebank
