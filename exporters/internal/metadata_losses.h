// What a layout has no place for, beside pixels: counted while samples pass, said once an
// export instead of once a sample. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "exporters/exporter.h"
#include "exporters/internal/origin.h"

namespace slicebank::exporting {

// What the layout does hold.
struct HeldMetadata {
  bool modality = false;
  bool position = false;  // volume, axis and slice number
  bool spacing = false;
  bool affine = false;
  bool official_split = false;
  std::string split_said = {};  // the one official split that the layout's lists state, if any
  bool patient_id = false;      // else it must be part of the volume's key
  bool channel_names = false;   // else only images with one colour meaning are whole
  bool all_covered = false;     // readers take all classes of the dataset as looked for
  bool labels = false;
};

class MetadataLosses {
 public:
  explicit MetadataLosses(const HeldMetadata& held) : held_(held) {}

  void observe(const SampleInfo& info, const Origin& origin);
  void say(ExportSink& sink, const std::string& layout) const;

 private:
  bool coverage_is_held(const Origin& origin);

  HeldMetadata held_;
  VolumeId last_volume_{};  // whose coverage was compared last
  bool last_held_ = false;
  std::map<std::string, std::uint64_t> samples_;  // by what is lost
};

}  // namespace slicebank::exporting
