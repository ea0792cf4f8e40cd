// The image of one item: from decoded pixels to its place in the batch.
#pragma once

#include "query/batch.h"
#include "query/internal/batch_pool.h"
#include "schema/sample.h"

namespace slicebank {

// How many channels a slice of `channels` has in the output. Throws Error(bad_argument).
std::uint32_t output_channels(const BatchSpec& spec, std::uint32_t channels);

// Whether the decoded bytes are the output's, so that they may be decoded in place.
bool is_plain_copy(const BatchSpec& spec, const ImageShape& shape, const Placement& placement);

// `out` is the item's part of Batch::images. Throws Error(bad_argument).
void transform_image(const BatchSpec& spec, const ImageView& image, const Placement& placement,
                     BatchScratch& scratch, std::byte* out);

}  // namespace slicebank
