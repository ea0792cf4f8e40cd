// A TIFF from somebody who means harm: pages, colours, and all of it as a volume.
#include <cstdlib>
#include <span>

#include "formats/tiff.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

namespace slicebank {
namespace {

constexpr std::size_t kPagesMax = 20;

// What a picture may ask of memory is schema/limits.h's decision, not a finding.
bool affordable(const tiff::Reader& reader) {
  for (const tiff::Page& page : reader.pages()) {
    if (std::uint64_t{page.width} * page.height * page.channels > std::uint64_t{1} << 20) {
      return false;
    }
  }
  return reader.pages().size() <= kPagesMax;
}

void decode(tiff::Reader& reader) {
  for (std::size_t page = 0; page < reader.pages().size(); ++page) {
    try {
      const Image image = reader.decode_expanding_palette(page);
      if (image.image_hwc.size() != image.shape.bytes()) std::abort();
    } catch (const Error&) {
      // The only way out that is allowed.
    }
  }
  try {
    const Volume volume = reader.decode_volume();
    if (volume.voxels.size() != voxel_bytes(volume)) std::abort();
  } catch (const Error&) {
    // As above.
  }
}

}  // namespace
}  // namespace slicebank

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  using namespace slicebank;
  try {
    tiff::Reader reader(std::as_bytes(std::span(data, size)), "fuzz.tif");
    if (affordable(reader)) decode(reader);
  } catch (const Error&) {
    // As above.
  }
}
