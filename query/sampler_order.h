// Global orders of draws: which item comes at a place of an epoch. Counter-based, so every
// place is computed by itself, in O(1) (O(log n) where said), on any machine alike
// (docs/splits.md, "Samplers").
//
// Const methods are safe from many threads. Items are 0 .. items-1; what they stand for
// (a place in a selection, a mask) is the caller's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "query/sampler.h"

namespace slicebank {

class DrawOrder {
 public:
  virtual ~DrawOrder() = default;

  virtual std::string_view kind() const noexcept = 0;
  virtual std::uint64_t draws() const noexcept = 0;            // of the present epoch
  virtual std::uint64_t at(std::uint64_t position) const = 0;  // position < draws()
  virtual void set_epoch(std::uint64_t epoch) = 0;             // 0 at first

  // Of what the order is made of (kind, size, seed, weights), not of the epoch: a saved
  // state refuses an order it was not taken from.
  virtual std::uint64_t fingerprint() const noexcept = 0;

  // out[i] = at(first + i); may be faster than one by one.
  virtual void fill(std::uint64_t first, std::span<std::uint64_t> out) const;
};

// Draws from a discrete distribution in O(1): the alias method of Walker (1977) as Vose
// (1991), built by one sweep over light and heavy items (Hübschle-Schneider and Sanders,
// 2019). 8 bytes an item.
class AliasTable {
 public:
  // Throws Error(bad_argument) for a negative or infinite weight, for none above 0, and for
  // more than 2^32 - 1 weights. An item of weight 0 is never drawn.
  explicit AliasTable(std::span<const double> weights);

  std::uint64_t size() const noexcept { return cells_.size(); }

  // The item for two uniform numbers.
  std::uint64_t pick(std::uint64_t place, std::uint32_t coin) const noexcept {
    const Cell cell = cells_[place];
    return coin < cell.threshold ? place : cell.other;
  }
  // Asks the processor for the cell that pick() will look at.
  void prefetch(std::uint64_t place) const noexcept { __builtin_prefetch(&cells_[place]); }

 private:
  struct Cell {
    std::uint32_t threshold = 0;  // of 2^32: the share of the place's own item
    std::uint32_t other = 0;
  };
  std::vector<Cell> cells_;
};

// Every item once, shuffled: Permutation.
std::unique_ptr<DrawOrder> permutation_order(std::uint64_t items, std::uint64_t seed);

// With replacement, each draw for itself by weight; `draws` an epoch (0: as many as items).
std::unique_ptr<DrawOrder> weighted_order(std::span<const double> weights, std::uint64_t seed,
                                          std::uint64_t draws = 0);

// LVIS's repeat-factor sampling (Gupta, Dollar, Girshick, 2019): an epoch has item i
// floor(factor) times and once more with the probability of the rest, drawn anew each
// epoch; shuffled. Factors are at least 0. draws() changes a little from epoch to epoch.
// set_epoch() is O(items), at() O(log items).
std::unique_ptr<DrawOrder> repeat_order(std::span<const double> factors, std::uint64_t seed);

// nnU-Net's foreground oversampling: of each batch of `batch_size` draws the last
// round(batch_size * fraction), as nnU-Net counts them (its fraction is 0.33), are items
// of `foreground`, the others any item. Both are shuffled without replacement, cycle after
// cycle. An epoch is `items` draws. Throws Error(bad_argument) when a foreground is asked
// for and there is none, or an index is not below items.
struct ForegroundPlan {
  std::uint64_t items = 0;
  std::vector<std::uint64_t> foreground;
  std::uint64_t batch_size = 2;
  double fraction = 0.33;
};
std::unique_ptr<DrawOrder> foreground_order(ForegroundPlan plan, std::uint64_t seed);

// Batches whose items all belong to one group (a shape, a modality, a dataset), so that they
// stack: items are shuffled within their group and cut into batches, and all batches are
// shuffled. `group_of[i]` is below 2^32. A group's last batch is short, and is left out
// with `drop_last`. Position p is draw p of the epoch; batch_begins() tells where batches
// begin. at() is O(log batches).
class GroupBatchOrder : public DrawOrder {
 public:
  GroupBatchOrder(std::span<const std::uint32_t> group_of, std::uint64_t batch_size,
                  std::uint64_t seed, bool drop_last = false);
  ~GroupBatchOrder() override;
  GroupBatchOrder(const GroupBatchOrder&) = delete;
  GroupBatchOrder& operator=(const GroupBatchOrder&) = delete;

  std::string_view kind() const noexcept override { return "group-batch"; }
  std::uint64_t draws() const noexcept override;
  std::uint64_t at(std::uint64_t position) const override;
  void set_epoch(std::uint64_t epoch) override;
  std::uint64_t fingerprint() const noexcept override;

  // Of the present epoch: batch b is the draws begins[b] to begins[b + 1].
  const std::vector<std::uint64_t>& batch_begins() const noexcept { return begins_; }

 private:
  struct Group;
  std::vector<Group> groups_;
  std::vector<std::uint64_t> members_;        // items, group by group
  std::vector<std::uint64_t> first_batches_;  // a group: the number of its first batch
  std::vector<std::uint64_t> begins_;
  std::vector<Permutation> orders_;  // a group
  Permutation batch_order_;
  std::uint64_t batch_size_;
  std::uint64_t seed_;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace slicebank
