// Makes index.sqlite anew from records and catalog alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "schema/ids.h"

namespace slicebank {

struct ReindexReport {
  std::uint64_t samples = 0;
  std::vector<SampleId> dropped_rows;  // rows of the old index whose record is lost
  std::vector<SampleId> damaged;       // records that cannot be read; they get no row
  bool raised_next_id = false;
};

// Takes the writer lock. Built beside the old index and renamed over it, so that a crash
// leaves one or the other. `progress(done, total)` may be null and must not use the bank.
// Error(corrupt) when records or catalog cannot be walked at all.
ReindexReport reindex(const std::filesystem::path& bank,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace slicebank
