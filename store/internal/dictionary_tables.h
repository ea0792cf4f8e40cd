// What a Dictionary holds behind its public face.
#pragma once

#include <cstdint>

#include "store/dictionary.h"
#include "store/internal/zstd.h"

namespace slicebank {

struct Dictionary::Digested {
  explicit Digested(Bytes bytes);

  zstd::DigestedDictionary tables;
  std::uint32_t check;  // low half of the XXH3-64 of the bytes; records carry it
};

}  // namespace slicebank
