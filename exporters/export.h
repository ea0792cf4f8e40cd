// The export driver: a folder that is whole or not there.
#pragma once

#include <filesystem>

#include "exporters/exporter.h"
#include "query/selection.h"

namespace slicebank {

// Writes the selection to `destination`, which must not exist or be empty. Files go to
// "<destination>.partial" first; LICENCES.md, CITATIONS.md and MANIFEST.json (every file
// with size and XXH3-128) come last, then the rename. What an interrupted export left
// behind is recognised and started over; any other "<destination>.partial" is refused.
// Throws Error(not_found) for an unknown format (hint: the nearest), Error(already_exists),
// Error(locked) while another export is writing there, Error(out_of_space),
// Error(interrupted); the unfinished folder is then removed.
ExportReport export_selection(const Selection& selection, const std::filesystem::path& destination,
                              const ExportOptions& options);

}  // namespace slicebank
