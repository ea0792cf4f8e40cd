// How zstd describes a prefix code: a weight a byte value, four bits each, or compressed with
// finite state entropy coding (RFC 8878, 4.1 and 4.2.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "schema/sample.h"

namespace slicebank::huffman {

using Weights = std::array<std::uint8_t, 256>;

// Bytes that a description takes at most.
constexpr std::size_t kDescriptionBytesMost = 128;

// Writes the first `count` weights, each at most 11; returns the bytes that takes, 0 when there
// is no way to write them.
std::size_t write_weights(const Weights& weights, std::size_t count,
                          std::span<std::byte, kDescriptionBytesMost> out);

}  // namespace slicebank::huffman
