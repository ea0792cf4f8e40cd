// Which axis of a NRRD is what, and where its voxels lie in space.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <string>

#include "formats/nrrd.h"

namespace slicebank::internal {

// Header fields by their names in lower case, without the blanks in them.
using NrrdFields = std::map<std::string, std::string>;

// Sets sizes, spacing and affine of the volume from header.dims, header.kinds and the
// fields, and returns the strides of frame, k, j, i, channel. Element type and voxels are
// left alone.
std::array<std::size_t, 5> read_nrrd_axes(const NrrdFields& fields, nrrd::Decoded& decoded,
                                          const std::string& name);

}  // namespace slicebank::internal
