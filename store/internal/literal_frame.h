// zstd frames of nothing but Huffman codes, written without zstd: the same format, a fraction of
// the time that its coder takes to get ready. What small pictures and noisy streams need.
//
// Pure functions, any thread; same source, same bytes, whatever the zstd release.
#pragma once

#include <cstddef>
#include <vector>

#include "schema/sample.h"
#include "store/internal/huffman.h"

namespace slicebank::zstd {

// Appends one magicless frame that holds `source`, each block coded by the code of fewest bits
// for it; returns its size in bytes.
std::size_t append_literals(Bytes source, std::vector<std::byte>& out);

// The same with a code made before, which must have every byte of `source`.
std::size_t append_literals(Bytes source, const huffman::Code& code, std::vector<std::byte>& out);

}  // namespace slicebank::zstd
