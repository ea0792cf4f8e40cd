// One rank's share of a global order of draws, and a state that resumes it anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "query/sampler_order.h"

namespace slicebank {

// Ranks take turns: of every `rank_block * world_size` draws, rank r has block number r.
// The union over ranks is the epoch, every draw once; the global order does not depend on
// world_size. With rank_block = batch size, batches stay whole. Use one from one thread.
class RankSampler {
 public:
  // Throws Error(bad_argument) unless rank < world_size and rank_block > 0.
  RankSampler(std::unique_ptr<DrawOrder> order, std::uint64_t rank = 0,
              std::uint64_t world_size = 1, std::uint64_t rank_block = 1);

  const DrawOrder& order() const noexcept { return *order_; }
  std::uint64_t epoch() const noexcept { return epoch_; }
  std::uint64_t size() const noexcept;  // draws of this rank in this epoch
  void set_epoch(std::uint64_t epoch);  // and begins it

  bool next(std::uint64_t* item);  // false at the end of the epoch
  // Up to `count` draws; fewer only at the end of the epoch.
  std::vector<std::uint64_t> next_batch(std::size_t count);

  // Begins this rank's share from its draw number `drawn` (0 .. size()). O(1).
  void seek(std::uint64_t drawn);
  std::uint64_t drawn() const noexcept { return drawn_; }

  // How many draws the whole world has made when every rank has made as many as this one.
  std::uint64_t global_position() const noexcept;

  // A line of text below 200 bytes: kind, fingerprint, epoch, global position. O(1).
  std::string state() const;

  // Goes on where state() was taken, also under another rank or world size (then
  // what a torn step of the old world had drawn is drawn again: nothing is lost). O(1), but
  // for what the order's set_epoch() costs when the epoch is another one. Throws
  // Error(bad_argument) for the state of another order, and Error(bad_format) for text
  // that is none.
  void resume(std::string_view state);

 private:
  std::uint64_t position_of(std::uint64_t drawn) const noexcept;

  std::unique_ptr<DrawOrder> order_;
  std::uint64_t rank_;
  std::uint64_t world_size_;
  std::uint64_t rank_block_;
  std::uint64_t epoch_ = 0;
  std::uint64_t begin_ = 0;  // global position from which this world has been dealing
  std::uint64_t drawn_ = 0;  // by this rank since begin_
};

}  // namespace slicebank
