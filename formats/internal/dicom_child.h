// Decoding in a process of its own, for a library that ends the program on damaged input.
//
// OpenJPEG 2.5 checks high-throughput blocks with assert(), which Debian compiles in. In a
// child, that costs one frame. The child is a fork: it decodes, answers through a pipe and
// leaves without running anybody's destructors. Any thread.
#pragma once

#include <functional>
#include <string>

#include "formats/internal/dicom_frame.h"

namespace slicebank::dicom::internal {

// What `decode` gives, and the Error that it throws. A child that dies, or is not done
// within two minutes, is Error(bad_format), beginning with `name`. `bytes` is how many the
// frame must have.
RawFrame decoded_in_child(const std::function<RawFrame()>& decode, std::size_t bytes,
                          const std::string& name);

}  // namespace slicebank::dicom::internal
