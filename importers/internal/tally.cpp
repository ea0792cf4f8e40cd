#include "importers/internal/tally.h"

#include "schema/taxonomy.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kOwnClassesNamed = 20;

}  // namespace

void Tally::add(const SourceDescription& description) {
  for (const DatasetInfo& dataset : description.datasets) {
    Seen& seen = datasets_[dataset.name];
    for (const RawClass& raw : dataset.classes) add_class(raw.name, raw.meaning, seen);
  }
}

void Tally::add(const SourceItem& item) {
  if (item.image_paths.empty()) return;  // it belongs to nothing
  Seen& seen = datasets_[item.dataset];
  ++seen.items;
  seen.volumes.insert(item.volume_key);
  seen.subjects.insert(item.patient_id);
  for (const ClassName& covered : item.covered_classes) {
    add_class(covered.name, covered.meaning, seen);
  }
  for (const MaskSource& mask : item.masks) add_class(mask.class_name, mask.meaning, seen);
  for (const LabelSource& label : item.labels) add_class(label.class_name, label.meaning, seen);
}

void Tally::add_class(const std::string& name, const std::string& meaning, Seen& seen) {
  if (!seen.classes.insert(name)) return;
  if (Taxonomy::builtin().find_class(meaning.empty() ? name : meaning)) return;
  ++seen.own_classes;
  if (seen.own_class_names.size() < kOwnClassesNamed) seen.own_class_names.push_back(name);
}

std::vector<ImportReport::DatasetCount> Tally::counts() const {
  std::vector<ImportReport::DatasetCount> counts;
  for (const auto& [name, seen] : datasets_) {
    if (seen.items == 0) continue;
    counts.push_back({name, seen.items, seen.volumes.size(), seen.subjects.size(),
                      seen.classes.size(), seen.own_classes, seen.own_class_names});
  }
  return counts;
}

}  // namespace slicebank::internal
