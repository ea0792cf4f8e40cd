// XXH3, the one hash of the record format. Any thread.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "schema/sample.h"

namespace slicebank {

// XXH3-64, seed 0.
std::uint64_t hash64(Bytes bytes) noexcept;

// XXH3-128, seed 0, of the parts as if they lay back to back.
ContentHash hash128(std::initializer_list<Bytes> parts);

}  // namespace slicebank
