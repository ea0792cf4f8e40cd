// A NRRD file from somebody who means harm. Whatever file its header names holds the same
// bytes as the header does.
#include <cstdlib>
#include <span>
#include <vector>

#include "formats/nrrd.h"
#include "schema/error.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  int opened = 0;
  const auto open = [&](const std::string&) {
    if (++opened > 64) throw slicebank::Error(slicebank::ErrorCode::limit, "enough files");
    return std::vector<std::byte>(file.begin(), file.end());
  };
  try {
    const slicebank::Volume volume = slicebank::nrrd::decode(file, "fuzz.nrrd", open).volume;
    if (volume.voxels.size() != slicebank::voxel_bytes(volume)) std::abort();
    if (volume.affine && !slicebank::invertible(*volume.affine)) std::abort();
  } catch (const slicebank::Error&) {
    // The only way out that is allowed.
  }
}
