#include "exporters/internal/metadata_losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace slicebank::exporting {

void MetadataLosses::observe(const SampleInfo& info, const Origin& origin) {
  const VolumeInfo& volume = origin.volume;
  if (!held_.modality && (raw(volume.modality) != 0 || !volume.source_modality.empty())) {
    ++samples_["modality"];
  }
  if (!held_.position && info.axis != Axis::none) ++samples_["volume, axis and slice number"];
  if (!held_.spacing && volume.spacing_xyz_mm) ++samples_["voxel spacing"];
  if (!held_.affine && !volume.affine_4x4.empty()) ++samples_["orientation (affine)"];
  if (!held_.official_split && !volume.official_split.empty() &&
      volume.official_split != held_.split_said) {
    ++samples_["official split"];
  }
  if (!held_.channel_names && !volume.channel_names.empty()) ++samples_["channel names"];
  if (!coverage_is_held(origin)) {
    ++samples_["coverage (which absent classes were looked for)"];
  }
  if (!held_.patient_id && !origin.patient_id.empty() &&
      volume.key.find(origin.patient_id) == std::string::npos) {
    ++samples_["patient id (which volumes are of one person)"];
  }
  if (!held_.labels && std::any_of(info.annotations.begin(), info.annotations.end(),
                                   [](const AnnotationInfo& annotation) {
                                     return annotation.kind == AnnotationKind::label;
                                   })) {
    ++samples_["image-level labels"];
  }
}

bool MetadataLosses::coverage_is_held(const Origin& origin) {
  if (!held_.all_covered) return origin.volume.coverage.empty();
  if (origin.volume.id == last_volume_) return last_held_;
  std::set<ClassId> all;
  for (const RawClass& words : origin.dataset->classes) all.insert(words.class_id);
  const auto& coverage = origin.volume.coverage;
  last_volume_ = origin.volume.id;
  last_held_ = std::equal(all.begin(), all.end(), coverage.begin(), coverage.end());
  return last_held_;
}

void MetadataLosses::say(ExportSink& sink, const std::string& layout) const {
  for (const auto& [what, count] : samples_) {
    sink.loss({}, fmt::format("{} of {} samples: {} has no place for it", what, count, layout));
  }
}

}  // namespace slicebank::exporting
