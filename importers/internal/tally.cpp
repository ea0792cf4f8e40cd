#include "importers/internal/tally.h"

namespace slicebank::internal {

void Tally::add(const SourceItem& item) {
  if (item.image_paths.empty()) return;  // it belongs to nothing
  Seen& seen = datasets_[item.dataset];
  ++seen.items;
  seen.volumes.insert(item.volume_key);
  seen.subjects.insert(item.patient_id);
}

std::vector<ImportReport::DatasetCount> Tally::counts() const {
  std::vector<ImportReport::DatasetCount> counts;
  for (const auto& [name, seen] : datasets_) {
    counts.push_back({name, seen.items, seen.volumes.size(), seen.subjects.size()});
  }
  return counts;
}

}  // namespace slicebank::internal
