// The order of one epoch, from a seed: a permutation without a list in memory.
#pragma once

#include <cstdint>

namespace slicebank {

// A pseudo-random permutation of 0 .. size-1, a function of (size, seed, epoch) alone:
// the same on every machine, for any number of workers or ranks. A Feistel network over
// the next power of four, at least 64, walks each cycle until it lands below `size`
// (docs/splits.md, "Order of an epoch"). O(1) memory; O(1) expected time an access, under
// four rounds of the network for sizes above 16.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch = 0);

  std::uint64_t size() const noexcept { return size_; }
  std::uint64_t operator[](std::uint64_t position) const;  // position < size

 private:
  static constexpr int kRounds = 6;

  std::uint64_t size_;
  unsigned half_bits_;
  std::uint64_t keys_[kRounds];
};

// Which positions of the global order belong to one rank, and where it stands. The union
// over ranks is the epoch; each position belongs to exactly one rank. What a checkpoint
// has to keep are two numbers, epoch and global_position(). Use one from one thread.
class PermutationSampler {
 public:
  // Throws Error(bad_argument) unless rank < world_size.
  PermutationSampler(std::uint64_t size, std::uint64_t seed, std::uint64_t rank = 0,
                     std::uint64_t world_size = 1);

  void set_epoch(std::uint64_t epoch);  // and begins it

  // Items this rank gives in an epoch: positions rank, rank + world_size, ...
  std::uint64_t size() const noexcept;

  bool next(std::uint64_t* item);  // false at the end of the epoch

  std::uint64_t epoch() const noexcept { return epoch_; }

  // How many items the whole world has given in this epoch, when every rank has given as
  // many as this one; resuming with another world size continues the same global order.
  // Throws Error(bad_argument) for a position past the end.
  std::uint64_t global_position() const noexcept;
  void resume(std::uint64_t epoch, std::uint64_t global_position);

 private:
  std::uint64_t items_;
  std::uint64_t seed_;
  std::uint64_t rank_;
  std::uint64_t world_size_;
  std::uint64_t epoch_ = 0;
  std::uint64_t row_ = 0;  // global position of rank 0's next item; ours is row_ + rank_
  Permutation order_;
};

}  // namespace slicebank
