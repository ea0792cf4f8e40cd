// The text header of a NRRD file, understood.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "formats/nrrd.h"

namespace slicebank::internal {

struct NrrdHeader {
  nrrd::Decoded decoded;  // without voxels
  std::size_t data_at = 0;
  std::int64_t line_skip = 0;
  std::int64_t byte_skip = 0;  // -1: the data end where the file ends

  // Elements from one to the next along frame, k, j, i, channel, as the file has them.
  std::array<std::size_t, 5> strides{};
};

NrrdHeader parse_nrrd_header(Bytes file, const std::string& name);

}  // namespace slicebank::internal
