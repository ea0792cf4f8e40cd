// What the lists of a SAT-DS folder say as a whole: datasets with their classes, and what
// is odd about their people and splits. Reads the lists once; no image. Any thread.
#pragma once

#include "importers/importer.h"
#include "importers/internal/sat_ds_rows.h"

namespace slicebank::sat_ds {

// Notes: file-name-ids, shared-subject-ids, split-differs, split-list, left-out-values,
// label-twice, unknown-dataset. Skipped: bad-split.
SourceDescription survey(const SourceTree& source, const Lists& lists);

}  // namespace slicebank::sat_ds
