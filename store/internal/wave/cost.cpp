#include "store/internal/wave/cost.h"

#include <array>
#include <bit>
#include <cmath>

namespace slicebank::wave {
namespace {

// floor(256 * log2(1 + i / 256)), digit by digit: squaring a number in [1, 2) shows the
// next binary digit of its logarithm.
constexpr std::array<std::uint8_t, 256> make_log_table() {
  std::array<std::uint8_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    constexpr int kFraction = 30;
    std::uint64_t value = (256ull + i) << (kFraction - 8);
    std::uint32_t digits = 0;
    for (int digit = 0; digit < 8; ++digit) {
      value = (value * value) >> kFraction;
      digits <<= 1;
      if (value >> (kFraction + 1) != 0) {
        value >>= 1;
        digits |= 1;
      }
    }
    table[i] = static_cast<std::uint8_t>(digits);
  }
  return table;
}

constexpr std::array<std::uint8_t, 256> kLogTable = make_log_table();

// IEEE 754 rounds square roots correctly, so that this too is the same everywhere.
std::uint64_t square_root(std::uint64_t value) noexcept {
  return static_cast<std::uint64_t>(std::sqrt(static_cast<double>(value)));
}

}  // namespace

std::uint32_t log2_q8(std::uint64_t value) noexcept {
  const int top = static_cast<int>(std::bit_width(value)) - 1;
  const std::uint64_t mantissa = top >= 8 ? value >> (top - 8) : value << (8 - top);
  return static_cast<std::uint32_t>(top) * 256 + kLogTable[mantissa & 255];
}

// With m = mean magnitude and u = sqrt(1 + m * m) the source needs
// log2((u + 1 + m) / (u + 1 - m)) + m * log2((u + 1) / m) bits a symbol.
std::uint32_t geometric_cost(std::uint32_t sum, std::uint32_t count) noexcept {
  if (count == 0 || sum == 0) return count / 3;  // 0.02 bits each
  constexpr std::uint64_t kOne = 1ull << 16;
  const std::uint64_t mean = (std::uint64_t{sum} << 16) / count;
  const std::uint64_t root = square_root(kOne * kOne + mean * mean);
  const std::uint64_t base = log2_q8(root + kOne + mean) - log2_q8(root + kOne - mean);
  const std::uint64_t slope = log2_q8(root + kOne) - log2_q8(mean == 0 ? 1 : mean);
  return static_cast<std::uint32_t>((base * count + slope * sum) * kBit / 256);
}

}  // namespace slicebank::wave
