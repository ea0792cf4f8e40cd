// A segmentation or a structure set from somebody who means harm, with all its masks.
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/dicom_seg.h"
#include "formats/rtstruct.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/drawable_volume.h"

namespace slicebank {
namespace {

void read_segmentation(std::span<const std::byte> file) {
  const dicom::Segmentation seg(file, "fuzz.dcm");
  const auto& size = seg.size_ijk();
  const std::uint64_t voxels = std::uint64_t{size[0]} * size[1] * size[2];
  if (size[2] != seg.planes().size()) std::abort();
  // What a mask may ask of memory is schema/limits.h's decision, not a finding.
  if (voxels > std::uint64_t{1} << 20) return;
  std::size_t left = 4;
  for (const dicom::Segment& segment : seg.segments()) {
    if (left-- == 0) break;
    const std::vector<std::uint8_t> mask = seg.mask(segment.number);
    if (mask.size() != voxels) std::abort();
    for (const std::uint8_t voxel : mask) {
      if (voxel > 1) std::abort();
    }
  }
}

void read_outlines(std::span<const std::byte> file) {
  static const dicom::SeriesVolume there = testing::volume_to_draw_on();
  const dicom::StructureSet set = dicom::read_structure_set(file, "fuzz.dcm");
  std::size_t left = 8;
  for (const dicom::Roi& roi : set.rois) {
    if (left-- == 0) break;
    for (const auto& [k, mask_hw] : dicom::rasterise(roi, there).mask_hw_of_slice) {
      if (k >= 4 || mask_hw.size() != 600) std::abort();
    }
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    slicebank::read_segmentation(file);
  } catch (const slicebank::Error&) {
    // The only way out that is allowed.
  }
  try {
    slicebank::read_outlines(file);
  } catch (const slicebank::Error&) {
    // As above.
  }
}
