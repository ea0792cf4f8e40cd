// Code lengths in whole numbers, so that every machine chooses alike.
#pragma once

#include <cstdint>

namespace slicebank::wave {

// Costs are counted in sixteenths of a bit.
inline constexpr std::uint32_t kBit = 16;

// 256 * log2(value), rounded down at the eighth binary digit after the top one. value >= 1.
std::uint32_t log2_q8(std::uint64_t value) noexcept;

// Bits, in sixteenths, of `count` symbols whose magnitudes add up to `sum`, if they come
// from a two-sided geometric source of that mean.
std::uint32_t geometric_cost(std::uint32_t sum, std::uint32_t count) noexcept;

}  // namespace slicebank::wave
