// The header of a NIfTI file with what stands between it and the voxels, judged.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "formats/internal/nifti_fields.h"
#include "formats/nifti.h"
#include "schema/sample.h"

namespace slicebank::internal {

// The first bytes of a file, inflated if need be; fewer than asked for where it is shorter.
// They are borrowed until the next call.
using NiftiFront = std::function<Bytes(std::size_t bytes)>;

// A Decoded without voxels; `fields` is the header as stored. Throws as nifti::decode().
nifti::Decoded read_nifti_header(const NiftiFront& front_of, const std::string& name,
                                 NiftiFields& fields);

// Whether a header of these kinds is there; never throws an Error.
bool is_nifti_front(const NiftiFront& front_of);

}  // namespace slicebank::internal
