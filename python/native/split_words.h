// What splits are told, out of Python's dictionaries: of a bank and of a list alike.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "python/native/native.h"
#include "query/split.h"

namespace slicebank::python {

// Of `words`, as slicebank/_split.py makes it: name, ratios, folds, group, stratify, seed,
// honour_official, join_equal_pixels, weight, leave_out, keep_sides, aliases (SubjectAliases
// or None, which must outlive the options). Throws Error(bad_argument) for a word there is not.
SplitOptions split_options_of(const nb::dict& words);

}  // namespace slicebank::python
