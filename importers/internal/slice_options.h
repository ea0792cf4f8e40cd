// What the user asks to be done to every slice (SliceOptions). Any thread.
#pragma once

#include <optional>

#include "importers/import.h"
#include "schema/sample.h"

namespace slicebank::internal {

// Throws Error(bad_argument) for a window of width 0 or less, or half of one.
void check_slice_options(const SliceOptions& options);

// The slice as it is to be kept; nothing when it is to be left out.
std::optional<Sample> prepared(Sample&& sample, const SliceOptions& options);

}  // namespace slicebank::internal
