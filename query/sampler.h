// The order of one epoch, from a seed: a permutation without a list in memory.
#pragma once

#include <cstdint>

namespace slicebank {

// A pseudo-random permutation of 0 .. size-1, a function of (size, seed, epoch) alone:
// the same on every machine, for any number of workers or ranks. A Feistel network over
// the next power of four with cycle walking (docs/decisions). O(1) memory, O(1) access.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch = 0);

  std::uint64_t size() const noexcept { return size_; }
  std::uint64_t operator[](std::uint64_t position) const;  // position < size

 private:
  std::uint64_t size_;
  unsigned half_bits_;
  std::uint64_t keys_[6];
};

// Which positions of the global order belong to one rank, and where it stands. The union
// over ranks is the epoch; each position belongs to exactly one rank. 32 bytes of state.
class PermutationSampler {
 public:
  PermutationSampler(std::uint64_t size, std::uint64_t seed, std::uint64_t rank = 0,
                     std::uint64_t world_size = 1);

  void set_epoch(std::uint64_t epoch);

  // Items this rank gives in an epoch: positions rank, rank + world_size, ...
  std::uint64_t size() const noexcept;

  bool next(std::uint64_t* item);  // false at the end of the epoch

  // How many items the whole world has given in this epoch; resuming with another world
  // size continues the same global order.
  std::uint64_t global_position() const noexcept;
  void resume(std::uint64_t epoch, std::uint64_t global_position);

 private:
  std::uint64_t items_;
  std::uint64_t seed_;
  std::uint64_t rank_;
  std::uint64_t world_size_;
  std::uint64_t epoch_ = 0;
  std::uint64_t position_;
};

}  // namespace slicebank
