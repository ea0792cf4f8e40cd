// What MetaImage, NRRD and NIfTI share behind their headers: files named by a pattern,
// numbers as text, axes in another order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "formats/array.h"
#include "formats/volume.h"

namespace slicebank::internal {

// A file that a header names, relative to the header's folder.
using OpenFile = std::function<std::vector<std::byte>(const std::string& relative)>;

// The numbered names of a C pattern with one %d, %i or %u ("slice%03d.raw"), from `first`
// to `last` by `step`, both ends included. Throws Error(bad_format or limit), beginning
// with `what`, for any other pattern and for more than `count_max` names.
std::vector<std::string> numbered_names(const std::string& pattern, std::int64_t first,
                                        std::int64_t last, std::int64_t step, std::size_t count_max,
                                        const std::string& what);

// `count` numbers written as text, parted by blanks, line ends or commas. Throws
// Error(bad_format), beginning with `what`, when there are fewer or one does not fit.
std::vector<std::byte> numbers_of_text(Bytes text, ElementType type, std::uint64_t count,
                                       const std::string& what);

// `count` bytes written as hexadecimal digits. Throws as numbers_of_text().
std::vector<std::byte> bytes_of_hex(Bytes text, std::uint64_t count, const std::string& what);

// Elements put into C order of `sizes` (the last is the fastest); element (a, b, c, d, e)
// lies at a * strides[0] + b * strides[1] ... in `source`, counted in elements.
std::vector<std::byte> gathered(Bytes source, const std::array<std::size_t, 5>& sizes,
                                const std::array<std::size_t, 5>& strides,
                                std::size_t element_bytes);

}  // namespace slicebank::internal
