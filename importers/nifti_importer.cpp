// NIfTI files of no other layout, BIDS among them (docs/importers/nifti.md).
#include "importers/internal/paired_layout.h"

namespace slicebank {

std::unique_ptr<Importer> make_nifti_importer() {
  constexpr int kScore = 34;  // below every layout that says more of itself
  return std::make_unique<internal::PairedImporter>(
      internal::PairedLayout{"nifti",
                             "NIfTI volumes with masks paired by folder or file name; BIDS",
                             "NIfTI",
                             {".nii", ".nii.gz", ".hdr", ".hdr.gz"},
                             kScore});
}

}  // namespace slicebank
