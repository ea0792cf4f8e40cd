// What the masks of a folder hold, seen from a few of them. Any thread.
#pragma once

#include <cstdint>
#include <set>

#include "importers/internal/picture_layout.h"

namespace slicebank::internal {

struct MaskSurvey {
  std::size_t masks = 0;           // that were read
  std::set<std::uint32_t> values;  // in them, without 0
  bool several = false;            // one of them holds two of these

  // Numbers of classes, rather than one number for inside, or the soft edge of one.
  bool labels() const;
};

// Reads up to 32 masks, the same ones each time: evenly spread over the folders and over
// their names. Those that cannot be read, and masks in folders of classes, do not count.
MaskSurvey survey_masks(const SourceTree& source, const PictureLayout& layout,
                        const Sidecar& sidecar);

}  // namespace slicebank::internal
