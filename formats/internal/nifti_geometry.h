// sform, qform and pixdim of a NIfTI header <-> spacing and affine.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "formats/internal/nifti_fields.h"
#include "formats/volume.h"

namespace slicebank::internal {

// Sets spacing and affine of `volume` and where the affine came from; what cannot be used
// goes to the notes.
void read_nifti_geometry(const NiftiFields& fields, nifti::Header& header, Volume& volume);

// Sets pixdim[0..3], sform and qform, units and codes from spacing and affine.
void write_nifti_geometry(const Volume& volume, int xform_code, NiftiFields& fields);

}  // namespace slicebank::internal
