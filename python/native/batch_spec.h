// Between Python's words for a batch and the library's.
#pragma once

#include <string>

#include "python/native/native.h"
#include "query/batch.h"

namespace slicebank::python {

// Keys are those of slicebank/_spec.py, all of them. Throws Error(bad_argument) naming the
// key for a word that it does not know.
BatchSpec batch_spec_of(const nb::dict& dict);

PixelType pixel_type_of(const std::string& numpy_name);  // "float32"

// The arrays of a batch by name; each keeps the batch's memory. `single`: of a batch of
// one, without the first axis. slicebank/_batch.py says which names there are.
nb::dict batch_arrays(const std::shared_ptr<Batch>& batch, bool single);

}  // namespace slicebank::python
