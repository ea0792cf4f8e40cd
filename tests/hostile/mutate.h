// Damage done to a file on purpose, the same for the same seed on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace slicebank::hostile {

using File = std::vector<std::byte>;

// Splitmix64: one number of state, so that any one file of a campaign can be made alone.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits();
  std::size_t below(std::size_t bound);  // 0 where `bound` is 0

 private:
  std::uint64_t state_;
};

// A number from a text, to keep the random numbers of two campaigns apart.
std::uint64_t number_of(std::string_view text);

// `seed` after one to four of: a flipped bit, a byte or a field of 16, 32 or 64 bits set to a
// value at an edge, a piece left out, doubled, put in or overwritten, a number in a text
// replaced by an absurd one, the end cut off, the end of `other` in the place of its own.
File mutated(const File& seed, const File& other, Random& random);

}  // namespace slicebank::hostile
