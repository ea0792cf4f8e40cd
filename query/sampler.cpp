#include "query/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>

#include "query/internal/mix.h"
#include "schema/error.h"

namespace slicebank {
namespace {

// Below three bits a half the network is too small a machine to reach all orders.
constexpr int kHalfBitsMin = 3;

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum < a ? ~std::uint64_t{0} : sum;
}

}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t seed, std::uint64_t epoch)
    : size_(size), half_bits_(0), keys_{} {
  const int bits = size <= 1 ? 0 : 64 - std::countl_zero(size - 1);
  half_bits_ = static_cast<unsigned>(std::max((bits + 1) / 2, kHalfBitsMin));
  // Each number goes through its own mixing, so that (seed 1, epoch 2) and (2, 1) differ.
  SplitMix stream(mix64(mix64(mix64(seed + 1) ^ (epoch + 2)) ^ size));
  for (std::uint64_t& key : keys_) key = stream.next();
}

std::uint64_t Permutation::operator[](std::uint64_t position) const {
  assert(position < size_);
  const std::uint64_t half_mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t value = position;
  do {
    std::uint64_t left = value >> half_bits_;
    std::uint64_t right = value & half_mask;
    for (const std::uint64_t key : keys_) {
      const std::uint64_t mixed = left ^ (mix64(right ^ key) & half_mask);
      left = right;
      right = mixed;
    }
    value = (left << half_bits_) | right;
  } while (value >= size_);
  return value;
}

PermutationSampler::PermutationSampler(std::uint64_t size, std::uint64_t seed, std::uint64_t rank,
                                       std::uint64_t world_size)
    : items_(size), seed_(seed), rank_(rank), world_size_(world_size), order_(size, seed, 0) {
  if (world_size == 0 || rank >= world_size) {
    throw Error(ErrorCode::bad_argument,
                fmt::format("rank {} does not exist in a world of {}", rank, world_size),
                "ranks count from 0");
  }
}

void PermutationSampler::set_epoch(std::uint64_t epoch) { resume(epoch, 0); }

std::uint64_t PermutationSampler::size() const noexcept {
  if (rank_ >= items_) return 0;
  return (items_ - rank_ - 1) / world_size_ + 1;
}

bool PermutationSampler::next(std::uint64_t* item) {
  const std::uint64_t position = saturating_add(row_, rank_);
  if (position >= items_) {
    row_ = items_;  // the last row may be short; the epoch is over for every rank
    return false;
  }
  *item = order_[position];
  row_ = saturating_add(row_, world_size_);
  return true;
}

std::uint64_t PermutationSampler::global_position() const noexcept {
  return std::min(row_, items_);
}

void PermutationSampler::resume(std::uint64_t epoch, std::uint64_t global_position) {
  if (global_position > items_) {
    throw Error(
        ErrorCode::bad_argument,
        fmt::format("position {} is past the end of an epoch of {} items", global_position, items_),
        "resume with the same selection that was sampled before");
  }
  epoch_ = epoch;
  row_ = global_position;
  order_ = Permutation(items_, seed_, epoch);
}

}  // namespace slicebank
