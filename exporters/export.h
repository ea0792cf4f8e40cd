// The export driver: a folder that is whole or not there.
#pragma once

#include <filesystem>

#include "exporters/exporter.h"
#include "query/selection.h"

namespace slicebank {

// Writes the selection to `destination`, which must not exist or be empty. Files go to
// "<destination>.partial" first; MANIFEST.json (every file with size and XXH3-128),
// LICENCES.md and CITATIONS.md come last, then the rename. Throws Error(not_found) for
// an unknown format (hint: the nearest), Error(already_exists), Error(interrupted).
ExportReport export_selection(const Selection& selection, const std::filesystem::path& destination,
                              const ExportOptions& options);

}  // namespace slicebank
