// Four slices of 20 x 30 pixels, a millimetre apart, for outlines to be drawn on.
#pragma once

#include <vector>

#include "formats/dicom_series.h"

namespace slicebank::testing {

inline dicom::SeriesVolume volume_to_draw_on() {
  std::vector<dicom::Instance> instances(4);
  for (std::size_t k = 0; k < instances.size(); ++k) {
    dicom::Instance& instance = instances[k];
    instance.rows = 20;
    instance.columns = 30;
    instance.frames = 1;
    instance.has_pixels = true;
    instance.first.position = {0, 0, static_cast<double>(k)};
    instance.first.orientation = {1, 0, 0, 0, 1, 0};
    instance.first.spacing_yx = {1, 1};
  }
  return dicom::group_series(instances).volumes.front();
}

}  // namespace slicebank::testing
