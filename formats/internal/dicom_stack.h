// Where the slices of a stack lie: steps, gaps, shear. Any thread.
#pragma once

#include "formats/dicom.h"
#include "formats/dicom_series.h"

namespace slicebank::dicom::internal {

// Fills directions, spacing and affine of a volume whose slices have positions and are
// sorted along their normal, and says what is odd. `first` is the first slice's place,
// with an orientation.
void place_in_patient(const Frame& first, SeriesVolume& volume);

}  // namespace slicebank::dicom::internal
