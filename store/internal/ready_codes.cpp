#include "store/internal/ready_codes.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <memory>

namespace slicebank::huffman {
namespace {

// Zeros of 256 bytes; steps are small where a share changes the cost most.
constexpr std::array<std::uint32_t, 10> kZeroShares = {2, 8, 16, 28, 44, 68, 100, 140, 184, 224};
// Mean magnitude of what is not zero, in sixteenths; a third more from one to the next.
constexpr std::array<std::uint32_t, 16> kMagnitudes = {17,  20,  25,  31,  40,  52,  69,  91,
                                                       121, 161, 214, 285, 379, 504, 670, 891};
// Where nearly everything is small, the codes of the rest have to be out of its way.
constexpr unsigned kBits = 10;
constexpr unsigned kBitsOfSmall = 11;
constexpr std::size_t kSmallMagnitudes = 8;
// Below this mean, codes for all that does not occur cost too much.
constexpr std::uint64_t kLeastMagnitude = 26;

// Halves at both sides of zero that fall off by the same factor, step by step, and a little of
// everything, as edges have it.
Counts model(std::uint32_t zero_share, std::uint32_t magnitude) {
  constexpr std::uint64_t kAll = std::uint64_t{1} << 24;
  constexpr std::uint64_t kAnywhere = kAll / 40 / 256;
  const std::uint64_t others = kAll / 256 * (256 - zero_share);
  // With n the magnitude less one, the factor n / (n + 1) gives that mean.
  const std::uint64_t beyond = magnitude - 16;
  std::uint64_t left = others / 2;
  Counts counts{};
  for (std::size_t size = 1; size < 128; ++size) {
    const std::uint64_t here = left * 16 / (beyond + 16);
    left -= here;
    counts[size] = static_cast<std::uint32_t>(here + kAnywhere);
    counts[256 - size] = counts[size];
  }
  counts[128] = static_cast<std::uint32_t>(kAnywhere);
  counts[0] = static_cast<std::uint32_t>(kAll / 256 * zero_share + kAnywhere);
  return counts;
}

using Codes = std::array<std::array<Code, kMagnitudes.size()>, kZeroShares.size()>;

const Codes& codes() {
  static const std::unique_ptr<const Codes> made = [] {
    auto all = std::make_unique<Codes>();
    for (std::size_t zeros = 0; zeros < kZeroShares.size(); ++zeros) {
      for (std::size_t size = 0; size < kMagnitudes.size(); ++size) {
        const Counts counts = model(kZeroShares[zeros], kMagnitudes[size]);
        [[maybe_unused]] const bool made_one =
            make_code(shortest_lengths(counts, size < kSmallMagnitudes ? kBitsOfSmall : kBits),
                      (*all)[zeros][size]);
        assert(made_one);
      }
    }
    return all;
  }();
  return *made;
}

// The nearest of ascending numbers.
template <std::size_t kSize>
std::size_t nearest(const std::array<std::uint32_t, kSize>& numbers, std::uint64_t wanted) {
  std::size_t at = 0;
  while (at + 1 < kSize && wanted * 2 > numbers[at] + numbers[at + 1]) ++at;
  return at;
}

}  // namespace

const Code* ready_code(Bytes differences) {
  constexpr std::size_t kBlock = 240;  // zeros are counted in bytes, which makes vectors of them
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(differences.data());
  std::uint64_t zeros = 0;
  std::uint64_t sum = 0;
  for (std::size_t begin = 0; begin < differences.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, differences.size());
    std::uint8_t zeros_here = 0;
    std::uint16_t sum_here = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint8_t negated = static_cast<std::uint8_t>(0 - bytes[i]);
      zeros_here = static_cast<std::uint8_t>(zeros_here + (bytes[i] == 0));
      sum_here = static_cast<std::uint16_t>(sum_here + std::min(bytes[i], negated));
    }
    zeros += zeros_here;
    sum += sum_here;
  }
  const std::uint64_t others = std::max<std::uint64_t>(differences.size() - zeros, 1);
  const std::size_t share =
      nearest(kZeroShares, zeros * 256 / std::max<std::uint64_t>(differences.size(), 1));
  const std::uint64_t magnitude = sum * 16 / others;
  if (magnitude < kLeastMagnitude) return nullptr;
  return &codes()[share][nearest(kMagnitudes, magnitude)];
}

}  // namespace slicebank::huffman
