// Seeded 64-bit mixing: the same numbers on every machine and standard library.
#pragma once

#include <cstdint>

namespace slicebank {

// A bijection of 64-bit numbers in which every input bit reaches every output bit
// (the finaliser of SplitMix64).
constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  x ^= x >> 31;
  return x;
}

// SplitMix64: a stream of 64-bit numbers from a seed.
class SplitMix {
 public:
  explicit constexpr SplitMix(std::uint64_t seed) noexcept : state_(seed) {}

  constexpr std::uint64_t next() noexcept { return mix64(state_ += 0x9e3779b97f4a7c15u); }

  // 0 .. bound-1, bound > 0. Rejects the short tail, so every number is equally likely.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    const std::uint64_t tail = (0 - bound) % bound;  // 2^64 mod bound
    std::uint64_t drawn = next();
    while (drawn < tail) drawn = next();
    return drawn % bound;
  }

 private:
  std::uint64_t state_;
};

}  // namespace slicebank
