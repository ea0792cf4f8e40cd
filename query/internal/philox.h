// Counter-based random numbers: any number of a stream straight from its place in it.
#pragma once

#include <array>
#include <cstdint>

namespace slicebank {

// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2,
// 3" (SC 2011): a keyed bijection of 128-bit counters whose values pass the batteries of
// statistical tests. Integer arithmetic only, so the same on every machine.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xd2511f53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xcd9e8d57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9e3779b9u;
    key[1] += 0xbb67ae85u;
  }
  return counter;
}

// Two 64-bit numbers for place `position` of the stream (seed, epoch).
struct PhiloxPair {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};
constexpr PhiloxPair philox_pair(std::uint64_t seed, std::uint64_t epoch,
                                 std::uint64_t position) noexcept {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto words =
      philox4x32({low(position), high(position), low(epoch), high(epoch)}, {low(seed), high(seed)});
  return {std::uint64_t{words[1]} << 32 | words[0], std::uint64_t{words[3]} << 32 | words[2]};
}

// 0 .. bound-1 from 64 random bits. Each number's share is within bound / 2^64 of equal.
constexpr std::uint64_t scaled_below(std::uint64_t random, std::uint64_t bound) noexcept {
  // The high half of a 64 by 64 bit product, in 32-bit pieces: there is no wider type.
  const std::uint64_t a = random >> 32, b = random & 0xffffffffu;
  const std::uint64_t c = bound >> 32, d = bound & 0xffffffffu;
  const std::uint64_t middle = a * d + (b * d >> 32);
  const std::uint64_t cross = b * c + (middle & 0xffffffffu);
  return a * c + (middle >> 32) + (cross >> 32);
}

}  // namespace slicebank
