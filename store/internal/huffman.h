// Prefix codes for bytes, as zstd's compressed literals use them (RFC 8878, 4.2), and their
// descriptions. Built here because zstd's own coder takes microseconds to set up, as long as a
// small picture may take in all.
//
// Pure functions, any thread. Whole numbers only, so the same counts give the same code everywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "schema/sample.h"

namespace slicebank::huffman {

constexpr unsigned kBitsMost = 11;

using Counts = std::array<std::uint32_t, 256>;
// Bits of each byte's code; 0: the byte has none.
using Lengths = std::array<std::uint8_t, 256>;

// How often each byte occurs.
Counts count_bytes(Bytes bytes);

// The code of fewest bits that has no length above `bits_most` (8 to 11), near enough: lengths
// that were too long are evened out. At least two bytes must occur, and at most 2^bits_most.
Lengths shortest_lengths(const Counts& counts, unsigned bits_most);

// A code ready for use. An entry's highest bits are the code, its low byte how many they are.
struct Code {
  std::array<std::uint64_t, 256> entries;
  std::array<std::byte, 128> description;
  std::size_t description_bytes;
  unsigned longest;  // bits
};

// Makes the code with those lengths, a complete one, and its description. False when it cannot
// be described: too many bytes, all of codes equally long.
bool make_code(const Lengths& lengths, Code& code);

// Room that encode() needs for a stream of so many bytes.
constexpr std::size_t stream_room(std::size_t bytes) { return bytes * kBitsMost / 8 + 16; }

// One stream, closed by its marker bit. Every byte must have a code. Returns the end.
std::byte* encode(const Code& code, Bytes bytes, std::byte* out);

// Two streams of nearly the same length, side by side: faster than one after the other.
std::array<std::byte*, 2> encode_two(const Code& code, Bytes first, Bytes second,
                                     std::byte* first_out, std::byte* second_out);

}  // namespace slicebank::huffman
