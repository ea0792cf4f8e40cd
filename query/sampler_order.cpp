#include "query/sampler_order.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "query/internal/mix.h"
#include "query/internal/philox.h"
#include "schema/error.h"

namespace slicebank {
namespace {

constexpr double kCoins = 4294967296.0;  // 2^32

std::uint64_t fingerprint_of(std::string_view kind, const void* data, std::size_t bytes,
                             std::initializer_list<std::uint64_t> numbers) {
  std::uint64_t hash = XXH3_64bits(kind.data(), kind.size());
  for (const std::uint64_t number : numbers) hash = mix64(hash ^ mix64(number + 1)) + 1;
  return XXH3_64bits_withSeed(data, bytes, hash);
}

[[noreturn]] void refuse(const std::string& message, std::string hint = {}) {
  throw Error(ErrorCode::bad_argument, message, std::move(hint));
}

double checked_sum(std::span<const double> weights) {
  double sum = 0;
  bool sound = true;
  for (const double weight : weights) {
    sound &= weight >= 0;
    sum += weight;
  }
  if (sound && std::isfinite(sum)) return sum;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] >= 0 && std::isfinite(weights[i])) continue;
    refuse(fmt::format("the weight {} of item {} is no share", weights[i], i),
           "weights are 0 or more, in any unit");
  }
  refuse("the weights sum to more than a number can hold", "divide them by their largest");
}

class PermutationOrder final : public DrawOrder {
 public:
  PermutationOrder(std::uint64_t items, std::uint64_t seed) : seed_(seed), order_(items, seed, 0) {}
  std::string_view kind() const noexcept override { return "permutation"; }
  std::uint64_t draws() const noexcept override { return order_.size(); }
  std::uint64_t at(std::uint64_t position) const override { return order_[position]; }
  void set_epoch(std::uint64_t epoch) override {
    order_ = Permutation(order_.size(), seed_, epoch);
  }
  std::uint64_t fingerprint() const noexcept override {
    return fingerprint_of(kind(), nullptr, 0, {order_.size(), seed_});
  }

 private:
  std::uint64_t seed_;
  Permutation order_;
};

class WeightedOrder final : public DrawOrder {
 public:
  WeightedOrder(std::span<const double> weights, std::uint64_t seed, std::uint64_t draws)
      : table_(weights),
        seed_(seed),
        draws_(draws == 0 ? weights.size() : draws),
        fingerprint_(fingerprint_of(kind(), weights.data(), weights.size_bytes(), {seed, draws_})) {
  }
  std::string_view kind() const noexcept override { return "weighted"; }
  std::uint64_t draws() const noexcept override { return draws_; }
  std::uint64_t at(std::uint64_t position) const override {
    assert(position < draws_);
    const PhiloxPair random = philox_pair(seed_, epoch_, position);
    return table_.pick(scaled_below(random.first, table_.size()),
                       static_cast<std::uint32_t>(random.second));
  }
  // The table is larger than any cache: many draws wait for memory together.
  void fill(std::uint64_t first, std::span<std::uint64_t> out) const override {
    std::array<std::pair<std::uint64_t, std::uint32_t>, 32> drawn;
    for (std::size_t begin = 0; begin < out.size(); begin += drawn.size()) {
      const std::size_t count = std::min(drawn.size(), out.size() - begin);
      for (std::size_t i = 0; i < count; ++i) {
        const PhiloxPair random = philox_pair(seed_, epoch_, first + begin + i);
        drawn[i] = {scaled_below(random.first, table_.size()),
                    static_cast<std::uint32_t>(random.second)};
        table_.prefetch(drawn[i].first);
      }
      for (std::size_t i = 0; i < count; ++i) {
        out[begin + i] = table_.pick(drawn[i].first, drawn[i].second);
      }
    }
  }
  void set_epoch(std::uint64_t epoch) override { epoch_ = epoch; }
  std::uint64_t fingerprint() const noexcept override { return fingerprint_; }

 private:
  AliasTable table_;
  std::uint64_t seed_;
  std::uint64_t draws_;
  std::uint64_t fingerprint_;
  std::uint64_t epoch_ = 0;
};

class RepeatOrder final : public DrawOrder {
 public:
  RepeatOrder(std::span<const double> factors, std::uint64_t seed)
      : seed_(seed), factors_(factors.begin(), factors.end()), order_(0, seed) {
    checked_sum(factors);
    for (const double factor : factors) {
      if (factor > 1e6) refuse(fmt::format("a repeat factor of {} is beyond reason", factor));
    }
    fingerprint_ = fingerprint_of(kind(), factors.data(), factors.size_bytes(), {seed});
    set_epoch(0);
  }
  std::string_view kind() const noexcept override { return "repeat-factor"; }
  std::uint64_t draws() const noexcept override { return order_.size(); }
  std::uint64_t at(std::uint64_t position) const override {
    const std::uint64_t place = order_[position];
    const auto after = std::upper_bound(begins_.begin(), begins_.end(), place);
    return static_cast<std::uint64_t>(after - begins_.begin()) - 1;
  }
  void set_epoch(std::uint64_t epoch) override {
    begins_.assign(1, 0);
    begins_.reserve(factors_.size() + 1);
    std::uint64_t draws = 0;
    for (std::size_t item = 0; item < factors_.size(); ++item) {
      const double whole = std::floor(factors_[item]);
      const double rest = factors_[item] - whole;
      draws += static_cast<std::uint64_t>(whole);
      if (rest > 0) {
        const auto coin = static_cast<std::uint32_t>(philox_pair(seed_, epoch, item).second);
        draws += static_cast<double>(coin) < rest * kCoins ? 1U : 0U;
      }
      begins_.push_back(draws);
    }
    order_ = Permutation(draws, seed_, epoch);
  }
  std::uint64_t fingerprint() const noexcept override { return fingerprint_; }

 private:
  std::uint64_t seed_;
  std::vector<double> factors_;
  std::vector<std::uint64_t> begins_;  // an item: the first of its draws before the shuffle
  Permutation order_;
  std::uint64_t fingerprint_ = 0;
};

class ForegroundOrder final : public DrawOrder {
 public:
  ForegroundOrder(ForegroundPlan plan, std::uint64_t seed) : plan_(std::move(plan)), seed_(seed) {
    if (plan_.batch_size == 0) refuse("a batch of no items");
    if (!(plan_.fraction >= 0 && plan_.fraction <= 1)) {
      refuse(fmt::format("the foreground's fraction {} is not from 0 to 1", plan_.fraction));
    }
    const double size = static_cast<double>(plan_.batch_size);
    any_ = std::min(plan_.batch_size, round_to_even(size * (1 - plan_.fraction)));
    if (any_ < plan_.batch_size && plan_.foreground.empty()) {
      refuse("no item has a foreground to be oversampled", "a fraction of 0, or other classes");
    }
    for (const std::uint64_t item : plan_.foreground) {
      if (item >= plan_.items) {
        refuse(fmt::format("the foreground names item {} of {}", item, plan_.items));
      }
    }
    fingerprint_ = fingerprint_of(kind(), plan_.foreground.data(),
                                  plan_.foreground.size() * sizeof(std::uint64_t),
                                  {seed, plan_.items, plan_.batch_size, any_});
  }
  std::string_view kind() const noexcept override { return "foreground"; }
  std::uint64_t draws() const noexcept override { return plan_.items; }
  std::uint64_t at(std::uint64_t position) const override {
    assert(position < plan_.items);
    const std::uint64_t batch = position / plan_.batch_size;
    const std::uint64_t slot = position % plan_.batch_size;
    if (slot < any_) return shuffled(plan_.items, batch * any_ + slot, 0);
    const std::uint64_t forced = batch * (plan_.batch_size - any_) + (slot - any_);
    return plan_.foreground[shuffled(plan_.foreground.size(), forced, 1)];
  }
  void set_epoch(std::uint64_t epoch) override { epoch_ = epoch; }
  std::uint64_t fingerprint() const noexcept override { return fingerprint_; }

 private:
  // As Python's round(), which nnU-Net uses: halves go to the even number.
  static std::uint64_t round_to_even(double number) {
    return static_cast<std::uint64_t>(std::nearbyint(number));
  }
  // Draw number `index` of an endless run of shuffled cycles.
  std::uint64_t shuffled(std::uint64_t size, std::uint64_t index, std::uint64_t stream) const {
    const std::uint64_t cycle = index / size;
    const Permutation order(size, mix64(seed_ + 2 * cycle + stream) ^ seed_, epoch_);
    return order[index % size];
  }

  ForegroundPlan plan_;
  std::uint64_t seed_;
  std::uint64_t any_ = 0;  // draws of a batch that may be any item
  std::uint64_t fingerprint_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace

void DrawOrder::fill(std::uint64_t first, std::span<std::uint64_t> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = at(first + i);
}

AliasTable::AliasTable(std::span<const double> weights) {
  if (weights.size() > std::numeric_limits<std::uint32_t>::max()) {
    refuse(fmt::format("{} weights are more than 2^32 - 1", weights.size()));
  }
  const double sum = checked_sum(weights);
  if (!(sum > 0)) refuse("no item has a weight above 0");
  const std::size_t size = weights.size();
  const double mean = sum / static_cast<double>(size);
  const double coins_a_weight = kCoins / mean;
  const auto threshold = [&](double weight) {
    // What is possible stays possible, however seldom.
    const double coins = std::ceil(weight * coins_a_weight);
    return static_cast<std::uint32_t>(std::min(coins, kCoins - 1));
  };
  cells_.resize(size);
  const auto next_light = [&](std::size_t from) {
    while (from < size && weights[from] > mean) ++from;
    return from;
  };
  const auto next_heavy = [&](std::size_t from) {
    while (from < size && !(weights[from] > mean)) ++from;
    return from;
  };
  std::size_t light = next_light(0);
  std::size_t heavy = next_heavy(0);
  std::size_t last_heavy = heavy;
  double left = heavy < size ? weights[heavy] : 0;  // of the heavy item's weight
  while (heavy < size) {
    last_heavy = heavy;
    if (left > mean && light < size) {
      cells_[light] = {threshold(weights[light]), static_cast<std::uint32_t>(heavy)};
      left -= mean - weights[light];
      light = next_light(light + 1);
      continue;
    }
    const std::size_t following = next_heavy(heavy + 1);
    if (left > mean || following == size) {
      cells_[heavy] = {~0u, static_cast<std::uint32_t>(heavy)};  // what rounding left over
      left = following < size ? weights[following] : 0;
    } else {
      cells_[heavy] = {threshold(left), static_cast<std::uint32_t>(following)};
      left = weights[following] - (mean - left);
    }
    heavy = following;
  }
  for (; light < size; light = next_light(light + 1)) {
    const auto own = static_cast<std::uint32_t>(light);
    cells_[light] =
        weights[light] > 0 ? Cell{~0u, own} : Cell{0, static_cast<std::uint32_t>(last_heavy)};
  }
}

std::unique_ptr<DrawOrder> permutation_order(std::uint64_t items, std::uint64_t seed) {
  return std::make_unique<PermutationOrder>(items, seed);
}

std::unique_ptr<DrawOrder> weighted_order(std::span<const double> weights, std::uint64_t seed,
                                          std::uint64_t draws) {
  return std::make_unique<WeightedOrder>(weights, seed, draws);
}

std::unique_ptr<DrawOrder> repeat_order(std::span<const double> factors, std::uint64_t seed) {
  return std::make_unique<RepeatOrder>(factors, seed);
}

std::unique_ptr<DrawOrder> foreground_order(ForegroundPlan plan, std::uint64_t seed) {
  return std::make_unique<ForegroundOrder>(std::move(plan), seed);
}

struct GroupBatchOrder::Group {
  std::uint64_t begin = 0;  // of its items in members_
  std::uint64_t size = 0;   // of those that are drawn in an epoch
  std::uint64_t all = 0;
};

GroupBatchOrder::~GroupBatchOrder() = default;

GroupBatchOrder::GroupBatchOrder(std::span<const std::uint32_t> group_of, std::uint64_t batch_size,
                                 std::uint64_t seed, bool drop_last)
    : batch_order_(0, seed), batch_size_(batch_size), seed_(seed) {
  if (batch_size == 0) refuse("a batch of no items");
  members_.resize(group_of.size());
  for (std::size_t item = 0; item < group_of.size(); ++item) members_[item] = item;
  std::stable_sort(members_.begin(), members_.end(), [&](std::uint64_t a, std::uint64_t b) {
    return group_of[static_cast<std::size_t>(a)] < group_of[static_cast<std::size_t>(b)];
  });
  std::uint64_t batches = 0;
  for (std::size_t begin = 0; begin < members_.size();) {
    const std::uint32_t name = group_of[static_cast<std::size_t>(members_[begin])];
    std::size_t end = begin;
    while (end < members_.size() && group_of[static_cast<std::size_t>(members_[end])] == name) {
      ++end;
    }
    Group group{begin, end - begin, end - begin};
    if (drop_last) group.size -= group.size % batch_size;
    if (group.size > 0) {
      groups_.push_back(group);
      first_batches_.push_back(batches);
      batches += (group.size + batch_size - 1) / batch_size;
    }
    begin = end;
  }
  batch_order_ = Permutation(batches, seed_);
  fingerprint_ = fingerprint_of(kind(), group_of.data(), group_of.size_bytes(),
                                {seed, batch_size, drop_last ? 1U : 0U});
  set_epoch(0);
}

std::uint64_t GroupBatchOrder::draws() const noexcept { return begins_.back(); }
std::uint64_t GroupBatchOrder::fingerprint() const noexcept { return fingerprint_; }

void GroupBatchOrder::set_epoch(std::uint64_t epoch) {
  batch_order_ = Permutation(batch_order_.size(), seed_, epoch);
  orders_.clear();
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    orders_.emplace_back(groups_[group].all, mix64(seed_ ^ mix64(group + 1)), epoch);
  }
  begins_.assign(1, 0);
  for (std::uint64_t batch = 0; batch < batch_order_.size(); ++batch) {
    const std::uint64_t number = batch_order_[batch];
    const auto after = std::upper_bound(first_batches_.begin(), first_batches_.end(), number);
    const auto group = static_cast<std::size_t>(after - first_batches_.begin()) - 1;
    const std::uint64_t done = (number - first_batches_[group]) * batch_size_;
    begins_.push_back(begins_.back() + std::min(batch_size_, groups_[group].size - done));
  }
}

std::uint64_t GroupBatchOrder::at(std::uint64_t position) const {
  const auto after_batch = std::upper_bound(begins_.begin(), begins_.end(), position);
  const auto batch = static_cast<std::size_t>(after_batch - begins_.begin()) - 1;
  const std::uint64_t number = batch_order_[batch];
  const auto after = std::upper_bound(first_batches_.begin(), first_batches_.end(), number);
  const auto group = static_cast<std::size_t>(after - first_batches_.begin()) - 1;
  const std::uint64_t place =
      (number - first_batches_[group]) * batch_size_ + (position - begins_[batch]);
  return members_[static_cast<std::size_t>(groups_[group].begin + orders_[group][place])];
}

}  // namespace slicebank
