// One rank's share of a global order, with the place of each draw in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "query/sampler_rank.h"

namespace slicebank::python {

struct Draw {
  std::uint64_t item = 0;
  std::uint64_t position = 0;  // in the epoch of the whole world: seeds what is random
};

// Use one from one thread.
class Draws {
 public:
  Draws(std::unique_ptr<DrawOrder> order, std::uint64_t rank, std::uint64_t world_size,
        std::uint64_t rank_block)
      : sampler_(std::move(order), rank, world_size, rank_block),
        rank_(rank),
        rank_block_(rank_block) {}

  RankSampler& sampler() noexcept { return sampler_; }
  const RankSampler& sampler() const noexcept { return sampler_; }

  std::optional<Draw> next() {
    Draw draw;
    draw.position = next_position();
    if (!sampler_.next(&draw.item)) return std::nullopt;
    return draw;
  }

  std::vector<Draw> next_batch(std::size_t count) {
    std::vector<Draw> draws;
    while (draws.size() < count) {
      // The draws of one block lie side by side in the global order.
      const std::uint64_t first = next_position();
      const std::uint64_t run = rank_block_ - sampler_.drawn() % rank_block_;
      const auto items = sampler_.next_batch(
          static_cast<std::size_t>(std::min<std::uint64_t>(run, count - draws.size())));
      if (items.empty()) break;
      for (std::size_t i = 0; i < items.size(); ++i) draws.push_back({items[i], first + i});
    }
    return draws;
  }

 private:
  std::uint64_t next_position() const noexcept {
    return sampler_.global_position() + rank_ * rank_block_ + sampler_.drawn() % rank_block_;
  }

  RankSampler sampler_;
  std::uint64_t rank_;
  std::uint64_t rank_block_;
};

}  // namespace slicebank::python
