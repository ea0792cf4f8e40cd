#include "exporters/internal/origin.h"

#include <fmt/format.h>

namespace slicebank::exporting {

ClassWords class_words(const DatasetInfo& dataset, const Taxonomy& taxonomy,
                       std::uint32_t raw_class, ClassId class_id) {
  if (raw_class > 0 && raw_class <= dataset.classes.size()) {
    const RawClass& words = dataset.classes[raw_class - 1];
    if (!words.name.empty()) return {words.name, words.code};
  }
  if (const ClassInfo* info = taxonomy.class_info(class_id)) return {info->name, ""};
  return {fmt::format("class {}", raw(class_id)), ""};
}

std::string_view case_name(const VolumeInfo& volume) {
  std::string_view key = volume.key;
  const std::string front = volume.source_modality + "--";
  if (!volume.source_modality.empty() && key.size() > front.size() && key.starts_with(front)) {
    key.remove_prefix(front.size());
  }
  return key;
}

}  // namespace slicebank::exporting
