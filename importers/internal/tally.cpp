#include "importers/internal/tally.h"

namespace slicebank::internal {

void Tally::add(const SourceDescription& description) {
  for (const DatasetInfo& dataset : description.datasets) {
    HashSet& classes = datasets_[dataset.name].classes;
    for (const RawClass& raw : dataset.classes) classes.insert(raw.name);
  }
}

void Tally::add(const SourceItem& item) {
  if (item.image_paths.empty()) return;  // it belongs to nothing
  Seen& seen = datasets_[item.dataset];
  ++seen.items;
  seen.volumes.insert(item.volume_key);
  seen.subjects.insert(item.patient_id);
  for (const ClassName& covered : item.covered_classes) seen.classes.insert(covered.name);
  for (const MaskSource& mask : item.masks) seen.classes.insert(mask.class_name);
  for (const LabelSource& label : item.labels) seen.classes.insert(label.class_name);
}

std::vector<ImportReport::DatasetCount> Tally::counts() const {
  std::vector<ImportReport::DatasetCount> counts;
  for (const auto& [name, seen] : datasets_) {
    if (seen.items == 0) continue;
    counts.push_back(
        {name, seen.items, seen.volumes.size(), seen.subjects.size(), seen.classes.size()});
  }
  return counts;
}

}  // namespace slicebank::internal
