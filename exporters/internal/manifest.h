// What rides along with every export: MANIFEST.json, LICENCES.md, CITATIONS.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exporters/exporter.h"
#include "exporters/internal/export_folder.h"
#include "query/selection.h"
#include "schema/sample.h"

namespace slicebank::exporting {

// A dataset of the selection, and how much of it.
struct DatasetShare {
  DatasetInfo dataset;
  std::uint64_t samples = 0;
};

// The datasets of a selection, ascending by name. Throws Error(interrupted).
std::vector<DatasetShare> datasets_of(const Selection& selection, const std::stop_token& stop);

std::string licences_text(const std::vector<DatasetShare>& shares);
std::string citations_text(const std::vector<DatasetShare>& shares);

// MANIFEST.json in three parts, so that millions of files need no memory: head, one line
// a file (each with a comma before it but the first), tail.
std::string manifest_head(const Selection& selection, const ExportOptions& options);
std::string manifest_file(const WrittenFile& file, bool first);
std::string manifest_tail(const std::vector<DatasetShare>& shares, const ExportReport& report);

// One line of LOSSES.jsonl.
std::string loss_line(const ExportLoss& loss);

}  // namespace slicebank::exporting
