#include "query/sampler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "schema/error.h"

namespace slicebank {
namespace {

std::vector<std::uint64_t> all_of(const Permutation& order) {
  std::vector<std::uint64_t> items;
  for (std::uint64_t i = 0; i < order.size(); ++i) items.push_back(order[i]);
  return items;
}

bool holds_each_once(std::vector<std::uint64_t> items) {
  std::sort(items.begin(), items.end());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i] != i) return false;
  }
  return true;
}

std::vector<std::uint64_t> drain(PermutationSampler& sampler) {
  std::vector<std::uint64_t> items;
  for (std::uint64_t item = 0; sampler.next(&item);) items.push_back(item);
  return items;
}

// What ranks give when they step together: the order a training run sees.
std::vector<std::uint64_t> interleave(std::vector<PermutationSampler>& ranks, std::size_t steps) {
  std::vector<std::uint64_t> items;
  for (std::size_t step = 0; step < steps; ++step) {
    for (PermutationSampler& rank : ranks) {
      std::uint64_t item = 0;
      if (rank.next(&item)) items.push_back(item);
    }
  }
  return items;
}

std::vector<PermutationSampler> world(std::uint64_t items, std::uint64_t seed,
                                      std::uint64_t world_size) {
  std::vector<PermutationSampler> ranks;
  for (std::uint64_t rank = 0; rank < world_size; ++rank) {
    ranks.emplace_back(items, seed, rank, world_size);
  }
  return ranks;
}

TEST_CASE("permutation: every size gives each item exactly once") {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t size = 0; size <= 130; ++size) sizes.push_back(size);
  for (unsigned bits = 8; bits <= 17; ++bits) {
    const std::uint64_t power = std::uint64_t{1} << bits;
    sizes.insert(sizes.end(), {power - 1, power, power + 1});
  }
  for (const std::uint64_t size : sizes) {
    CAPTURE(size);
    CHECK(holds_each_once(all_of(Permutation(size, 7, 3))));
  }
}

TEST_CASE("permutation: large sizes stay in bounds and do not repeat") {
  for (const std::uint64_t size :
       {(std::uint64_t{1} << 32) - 1, (std::uint64_t{1} << 32) + 1, std::uint64_t{1} << 40,
        (std::uint64_t{1} << 63) + 12'345, std::numeric_limits<std::uint64_t>::max()}) {
    CAPTURE(size);
    const Permutation order(size, 99, 1);
    std::set<std::uint64_t> seen;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const std::uint64_t spread = i * (size / 2000);
      const std::uint64_t item = order[spread];
      CHECK(item < size);
      CHECK(seen.insert(item).second);
    }
  }
}

TEST_CASE("permutation: the order is a fact of size, seed and epoch, on every machine") {
  const std::vector<std::uint64_t> first = all_of(Permutation(10, 7, 0));

  CHECK(first == all_of(Permutation(10, 7, 0)));
  CHECK(first != all_of(Permutation(10, 8, 0)));
  CHECK(first != all_of(Permutation(10, 7, 1)));
  CHECK(all_of(Permutation(10, 1, 2)) != all_of(Permutation(10, 2, 1)));
  // Golden: a change here breaks every run that is to be resumed.
  CHECK(first == std::vector<std::uint64_t>{5, 9, 3, 7, 1, 8, 0, 2, 6, 4});
  CHECK(Permutation(4'600'000, 42, 5)[123'456] == 4'528'443);
}

// Chi-square with fixed seeds: the statistic of `cells` equally likely cells has mean
// cells - 1 and deviation sqrt(2 (cells - 1)); six deviations are beyond chance.
double chi_square(const std::vector<std::uint64_t>& counts) {
  double total = 0;
  for (const std::uint64_t count : counts) total += static_cast<double>(count);
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (const std::uint64_t count : counts) {
    const double difference = static_cast<double>(count) - expected;
    sum += difference * difference / expected;
  }
  return sum;
}

bool looks_uniform(const std::vector<std::uint64_t>& counts) {
  const double freedom = static_cast<double>(counts.size()) - 1;
  return std::abs(chi_square(counts) - freedom) < 6 * std::sqrt(2 * freedom);
}

TEST_CASE("permutation: over epochs every item is equally likely at every position") {
  for (const std::uint64_t size : {3u, 5u, 16u, 17u, 64u, 100u}) {
    CAPTURE(size);
    std::vector<std::uint64_t> counts(size * size, 0);
    for (std::uint64_t epoch = 0; epoch < 40'000; ++epoch) {
      const Permutation order(size, 2024, epoch);
      for (std::uint64_t position = 0; position < std::min<std::uint64_t>(size, 8); ++position) {
        ++counts[position * size + order[position]];
      }
    }
    counts.resize(std::min<std::uint64_t>(size, 8) * size);
    CHECK(looks_uniform(counts));
  }
}

TEST_CASE("permutation: all orders of four items appear equally often over seeds") {
  std::vector<std::uint64_t> counts(256, 0);
  for (std::uint64_t seed = 0; seed < 48'000; ++seed) {
    const Permutation order(4, seed);
    ++counts[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]];
  }
  std::vector<std::uint64_t> orders;
  for (const std::uint64_t count : counts) {
    if (count > 0) orders.push_back(count);
  }

  REQUIRE(orders.size() == 24);
  CHECK(looks_uniform(orders));
}

TEST_CASE("permutation: neighbours in the order are not neighbours in the bank") {
  const std::uint64_t size = 100'000;
  const Permutation order(size, 5, 0);
  std::vector<std::uint64_t> counts(50, 0);
  for (std::uint64_t i = 0; i + 1 < size; ++i) {
    const std::uint64_t gap = (order[i + 1] + size - order[i]) % size;
    ++counts[gap / (size / 50)];
  }
  CHECK(looks_uniform(counts));
}

TEST_CASE("sampler: the ranks together give the epoch, each item once") {
  for (const std::uint64_t items : {0u, 1u, 7u, 64u, 1001u}) {
    for (const std::uint64_t world_size : {1u, 2u, 3u, 8u, 13u}) {
      CAPTURE(items);
      CAPTURE(world_size);
      std::vector<std::uint64_t> together;
      for (PermutationSampler& rank : world(items, 3, world_size)) {
        const auto given = drain(rank);
        CHECK(given.size() == rank.size());
        CHECK(rank.global_position() == items);
        together.insert(together.end(), given.begin(), given.end());
      }
      CHECK(together.size() == items);
      CHECK(holds_each_once(together));
    }
  }
}

TEST_CASE("sampler: the global order is the same for any world size") {
  PermutationSampler alone(101, 11);
  const auto order = drain(alone);

  for (const std::uint64_t world_size : {2u, 3u, 4u, 101u, 200u}) {
    auto ranks = world(101, 11, world_size);
    CHECK(interleave(ranks, 101) == order);
  }
}

TEST_CASE("sampler: resuming gives what an uninterrupted run would have given") {
  PermutationSampler whole(1000, 17);
  whole.set_epoch(4);
  const auto order = drain(whole);

  for (const std::uint64_t stop : {0u, 1u, 499u, 999u, 1000u}) {
    CAPTURE(stop);
    PermutationSampler before(1000, 17);
    before.set_epoch(4);
    std::vector<std::uint64_t> items;
    for (std::uint64_t i = 0; i < stop; ++i) {
      std::uint64_t item = 0;
      REQUIRE(before.next(&item));
      items.push_back(item);
    }
    REQUIRE(before.global_position() == stop);

    PermutationSampler after(1000, 17);
    after.resume(before.epoch(), before.global_position());
    const auto rest = drain(after);

    items.insert(items.end(), rest.begin(), rest.end());
    CHECK(items == order);
  }
}

TEST_CASE("sampler: another world size continues the same order") {
  PermutationSampler alone(1000, 23);
  const auto order = drain(alone);

  auto eight = world(1000, 23, 8);
  auto items = interleave(eight, 50);
  REQUIRE(eight.front().global_position() == 400);
  REQUIRE(eight.back().global_position() == 400);
  auto three = world(1000, 23, 3);
  for (PermutationSampler& rank : three) rank.resume(0, 400);
  const auto rest = interleave(three, 1000);

  items.insert(items.end(), rest.begin(), rest.end());
  CHECK(items == order);
}

TEST_CASE("sampler: another epoch is another order of the same items") {
  PermutationSampler sampler(500, 1);
  const auto first = drain(sampler);
  sampler.set_epoch(1);
  const auto second = drain(sampler);

  CHECK(first != second);
  CHECK(holds_each_once(first));
  CHECK(holds_each_once(second));
}

TEST_CASE("sampler: a rank outside the world and a position past the end are refused") {
  CHECK_THROWS_AS(PermutationSampler(10, 0, 2, 2), Error);
  CHECK_THROWS_AS(PermutationSampler(10, 0, 0, 0), Error);
  PermutationSampler sampler(10, 0);
  CHECK_THROWS_AS(sampler.resume(0, 11), Error);
}

}  // namespace
}  // namespace slicebank
