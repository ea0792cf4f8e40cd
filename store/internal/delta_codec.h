// The codecs `updelta` and `tiny`: every pixel less the one above it, then one frame.
// docs/format-record.md, "Updelta and tiny".
#pragma once

#include <vector>

#include "schema/sample.h"
#include "store/internal/zstd.h"
#include "store/record.h"

namespace slicebank {

// An image ready for the entropy coder.
struct DeltaPlanes {
  std::vector<std::byte> head;     // transform, and for 16 bit the bias of each plane
  std::vector<std::byte> content;  // differences, plane after plane
  bool wide = false;               // 16 bit
};

// u8, i8, u16, i16 of any size.
DeltaPlanes delta_transform(const ImageView& image);

// The section: head, then one magicless frame. `dictionary` may be null.
std::vector<std::byte> encode_delta(const DeltaPlanes& planes, Effort effort,
                                    const zstd::DigestedDictionary* dictionary);

// Inverse of both. Throws Error(corrupt).
void decode_delta(const ImageShape& shape, Bytes section,
                  const zstd::DigestedDictionary* dictionary, MutableBytes out_hwc);

}  // namespace slicebank
