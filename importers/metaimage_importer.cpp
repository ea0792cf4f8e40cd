// MetaImage and NRRD files of no other layout (docs/importers/metaimage.md).
#include "importers/internal/paired_layout.h"

namespace slicebank {

std::unique_ptr<Importer> make_metaimage_importer() {
  constexpr int kScore = 32;  // below every layout that says more of itself
  return std::make_unique<internal::PairedImporter>(internal::PairedLayout{
      "metaimage",
      "MetaImage and NRRD volumes with masks paired by name; Slicer segmentations",
      "MetaImage or NRRD",
      {".mha", ".mhd", ".nrrd", ".nhdr"},
      kScore});
}

}  // namespace slicebank
