// Binary masks as run ends: docs/format-record.md, "Masks section".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "schema/sample.h"
#include "store/internal/record_meta.h"
#include "store/record.h"

namespace slicebank {

// One mask as runs of foreground, row by row of its box. Empty: all members empty or 0.
struct MaskRuns {
  Box box;
  std::uint64_t area = 0;
  std::vector<std::uint32_t> row_runs;  // how many runs each row of the box has
  std::vector<std::uint32_t> edges;     // start, end, start, end ... of all rows, from x = 0
};

// Error(bad_format) when the mask is not height x width or holds other values than 0, 1.
MaskRuns scan_mask(std::span<const std::uint8_t> mask_hw, std::uint32_t height,
                   std::uint32_t width);

struct EncodedMasks {
  std::vector<std::byte> section;
  std::vector<MaskEncoding> encodings;  // one a mask
};

EncodedMasks encode_masks(std::span<const MaskRuns> masks, std::uint32_t width, Effort effort);

// All masks of the table, or those whose class is in `classes` (ascending) when it is not
// empty. Frames that hold none of them are not decompressed. Throws Error(corrupt).
std::vector<Mask> decode_masks_section(Bytes section, const RecordMeta& meta, std::uint32_t height,
                                       std::uint32_t width, std::span<const ClassId> classes);

// The same into the sink's memory, mask after mask.
void decode_masks_section(Bytes section, const RecordMeta& meta, std::uint32_t height,
                          std::uint32_t width, MaskSink& sink);

}  // namespace slicebank
