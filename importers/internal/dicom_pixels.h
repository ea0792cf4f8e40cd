// The pixels of DICOM images as volumes and pictures. Any thread.
//
// Values as they are meant: rescaled by slope and intercept (CT in Hounsfield units),
// MONOCHROME1 inverted, palettes and YBR as colours. Throws ItemError: missing-image,
// bad-dicom, transfer-syntax, too-large, unreadable, changed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "formats/volume.h"
#include "importers/importer.h"
#include "importers/internal/dicom_masks.h"

namespace slicebank::internal {

// Which of the volumes that the files of an item hold.
struct DicomVolumePlace {
  std::size_t slices = 0;
  std::uint32_t first_frame = 0;  // of the first file
};

Volume read_dicom_volume(const SourceTree& source, const SourceItem& item,
                         const DicomVolumePlace& place, DicomGrid& grid);

Volume read_dicom_picture(const SourceTree& source, const SourceItem& item, DicomGrid& grid);

// Each frame of a file whose frames do not lie in space, as a 2-D image "frame 0001".
void decode_dicom_loop(const SourceTree& source, const SourceItem& item, const SampleSink& emit);

}  // namespace slicebank::internal
