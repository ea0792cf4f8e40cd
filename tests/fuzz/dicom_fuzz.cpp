// A DICOM image from somebody who means harm: its header, its series, all its pixels.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/dicom.h"
#include "formats/dicom_series.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

// What a picture may ask of memory is schema/limits.h's decision, not a finding.
bool affordable(const dicom::Instance& instance) {
  return std::uint64_t{instance.rows} * instance.columns * std::max(1u, instance.samples) <=
         std::uint64_t{1} << 20;
}

void open(std::span<const std::byte> file) {
  const dicom::Instance header = dicom::read_header(file, "fuzz.dcm");
  const dicom::Grouping grouping = dicom::group_series({header, header});
  for (const dicom::SeriesVolume& volume : grouping.volumes) {
    if (volume.slices.size() != volume.size_ijk[2]) std::abort();
  }
  if (!affordable(header)) return;
  const dicom::File opened(file, "fuzz.dcm");
  const std::uint32_t frames = std::min(opened.instance().frames, 4u);
  for (std::uint32_t frame = 0; opened.instance().has_pixels && frame < frames; ++frame) {
    const Image image = opened.decode(frame);
    if (image.image_hwc.size() != image.shape.bytes()) std::abort();
    if (const auto table = opened.modality_table()) {
      const Image meant = dicom::through_table(image, *table, "fuzz.dcm");
      if (meant.image_hwc.size() != meant.shape.bytes()) std::abort();
    }
    if (image.shape.height != header.rows || image.shape.width != header.columns) std::abort();
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  try {
    slicebank::open(std::as_bytes(std::span(data, size)));
  } catch (const slicebank::Error&) {
    // The only way out that is allowed.
  }
}
