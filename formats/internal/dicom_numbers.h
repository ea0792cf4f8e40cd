// Whole numbers in a file's bytes, in either order. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "schema/sample.h"

namespace slicebank::dicom::internal {

// `size` bytes from `at` on, which are there.
inline std::uint64_t unsigned_at(Bytes bytes, std::size_t at, std::size_t size,
                                 bool big_endian) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t from = at + (big_endian ? i : size - 1 - i);
    value = value << 8 | std::to_integer<std::uint64_t>(bytes[from]);
  }
  return value;
}

}  // namespace slicebank::dicom::internal
