#include "query/sampler_order.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "query/internal/mix.h"
#include "query/internal/philox.h"
#include "query/sampler_rank.h"
#include "query/sampler_weights.h"
#include "schema/error.h"

namespace slicebank {
namespace {

// Sum over cells of (got - expected)^2 / expected, as a number of standard deviations from
// its mean: about -3 to 3 for a fair draw, and chance does not grow it.
double chi_square_z(const std::vector<std::uint64_t>& got, const std::vector<double>& expected) {
  double chi = 0;
  double cells = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (expected[i] == 0) {
      CHECK(got[i] == 0);
      continue;
    }
    const double difference = static_cast<double>(got[i]) - expected[i];
    chi += difference * difference / expected[i];
    cells += 1;
  }
  return (chi - cells) / std::sqrt(2 * cells);
}

std::vector<std::uint64_t> count_draws(const DrawOrder& order, std::size_t items) {
  std::vector<std::uint64_t> drawn(static_cast<std::size_t>(order.draws()));
  order.fill(0, drawn);
  std::vector<std::uint64_t> counts(items, 0);
  for (const std::uint64_t item : drawn) ++counts.at(static_cast<std::size_t>(item));
  return counts;
}

std::vector<std::unique_ptr<DrawOrder>> orders_of_every_kind(std::uint64_t seed) {
  SplitMix random(seed);
  std::vector<double> weights, factors;
  std::vector<std::uint32_t> groups;
  ForegroundPlan plan;
  plan.items = 1003;
  plan.batch_size = 4;
  for (std::uint64_t item = 0; item < plan.items; ++item) {
    weights.push_back(static_cast<double>(random.below(100)));
    factors.push_back(1 + static_cast<double>(random.below(40)) / 10);
    groups.push_back(static_cast<std::uint32_t>(random.below(7)));
    if (random.below(9) == 0) plan.foreground.push_back(item);
  }
  std::vector<std::unique_ptr<DrawOrder>> orders;
  orders.push_back(permutation_order(plan.items, seed));
  orders.push_back(weighted_order(weights, seed));
  orders.push_back(repeat_order(factors, seed));
  orders.push_back(foreground_order(plan, seed));
  orders.push_back(std::make_unique<GroupBatchOrder>(groups, 16, seed));
  return orders;
}

TEST_CASE("philox: the known answers of its authors") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(philox4x32({ones, ones, ones, ones}, {ones, ones}) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("philox: a scaled number is the high half of the product") {
  SplitMix random(3);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t bits = random.next();
    const std::uint64_t bound = random.next() >> random.below(64);
    // By long division of the product in 16-bit digits.
    std::uint64_t carry = 0;
    std::uint64_t digits[8] = {};
    for (int a = 0; a < 4; ++a) {
      carry = 0;
      for (int b = 0; b < 4; ++b) {
        const std::uint64_t sum =
            digits[a + b] + ((bits >> (16 * a)) & 0xffff) * ((bound >> (16 * b)) & 0xffff) + carry;
        digits[a + b] = sum & 0xffff;
        carry = sum >> 16;
      }
      digits[a + 4] += carry;
    }
    const std::uint64_t high = digits[7] << 48 | digits[6] << 32 | digits[5] << 16 | digits[4];
    CHECK(scaled_below(bits, bound) == high);
  }
}

TEST_CASE("sampler: a weighted order draws each item by its weight") {
  const std::uint64_t seed = 20260101;
  CAPTURE(seed);
  SplitMix random(seed);
  std::vector<double> weights;
  double sum = 0;
  for (int item = 0; item < 500; ++item) {
    // From 0 over three orders of magnitude.
    weights.push_back(
        item % 17 == 0 ? 0.0 : std::pow(10.0, static_cast<double>(random.below(300)) / 100));
    sum += weights.back();
  }
  const std::uint64_t draws = 1'000'000;
  const auto order = weighted_order(weights, seed, draws);
  std::vector<double> expected;
  for (const double weight : weights) {
    expected.push_back(weight / sum * static_cast<double>(draws));
  }
  for (const std::uint64_t epoch : {0u, 1u}) {
    CAPTURE(epoch);
    order->set_epoch(epoch);
    CHECK(std::abs(chi_square_z(count_draws(*order, weights.size()), expected)) < 4);
  }
}

TEST_CASE("sampler: weights that cannot be drawn by are refused") {
  CHECK_THROWS_AS(weighted_order(std::vector<double>{}, 1), Error);
  CHECK_THROWS_AS(weighted_order(std::vector<double>{0, 0}, 1), Error);
  CHECK_THROWS_AS(weighted_order(std::vector<double>{1, -1}, 1), Error);
  CHECK_THROWS_AS(weighted_order(std::vector<double>{1, std::nan("")}, 1), Error);
  CHECK_THROWS_AS(weighted_order(std::vector<double>{1, INFINITY}, 1), Error);
  const auto one = weighted_order(std::vector<double>{0, 0, 5, 0}, 1, 1000);
  for (std::uint64_t i = 0; i < 1000; ++i) CHECK(one->at(i) == 2);
}

TEST_CASE("sampler: balanced weights draw labels by count to the power of 1 / temperature") {
  ItemLabels items;
  std::vector<std::uint64_t> counts = {1000, 100, 10};
  for (std::uint32_t label = 0; label < 3; ++label) {
    for (std::uint64_t i = 0; i < counts[label]; ++i) items.add_item(std::vector{label});
  }
  for (const double temperature : {1.0, 2.0, 1e9}) {
    CAPTURE(temperature);
    const auto weights = balanced_weights(items, temperature);
    std::vector<double> shares(3, 0);
    double sum = 0;
    for (std::uint64_t item = 0; item < items.items(); ++item) {
      shares[items.of(item)[0]] += weights[item];
      sum += weights[item];
    }
    double wanted_sum = 0;
    for (const auto count : counts) wanted_sum += std::pow(count, 1 / temperature);
    for (std::size_t label = 0; label < 3; ++label) {
      CHECK(shares[label] / sum ==
            doctest::Approx(std::pow(counts[label], 1 / temperature) / wanted_sum));
    }
  }
  CHECK_THROWS_AS(balanced_weights(items, 0), Error);
}

TEST_CASE("sampler: an item of several labels is drawn as often as its labels send for it") {
  ItemLabels items;
  items.add_item(std::vector<std::uint32_t>{0});
  items.add_item(std::vector<std::uint32_t>{0, 1});
  items.add_item(std::vector<std::uint32_t>{});
  // Three labels alike (two, and having none): label 0 goes half to each of two items.
  const auto weights = balanced_weights(items, INFINITY);
  CHECK(weights[0] == doctest::Approx(0.5));
  CHECK(weights[1] == doctest::Approx(1.5));
  CHECK(weights[2] == doctest::Approx(1.0));
}

TEST_CASE("sampler: repeat factors are LVIS's") {
  ItemLabels items;
  for (int i = 0; i < 10'000; ++i) {
    std::vector<std::uint32_t> labels = {0};
    if (i == 0) labels.push_back(1);  // f = 1e-4
    if (i < 4) labels.push_back(2);   // f = 4e-4
    items.add_item(labels);
  }
  const auto factors = repeat_factors(items, 0.001);
  CHECK(factors[0] == doctest::Approx(std::sqrt(10.0)));
  CHECK(factors[1] == doctest::Approx(std::sqrt(2.5)));
  CHECK(factors[5] == 1.0);
}

TEST_CASE("sampler: a repeat order gives each item its factor, and the rest by chance") {
  const std::vector<double> factors = {0, 0.25, 1, 1.5, 3.75, 2};
  const auto order = repeat_order(factors, 11);
  std::vector<double> mean(factors.size(), 0);
  const int epochs = 4000;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    order->set_epoch(static_cast<std::uint64_t>(epoch));
    const auto counts = count_draws(*order, factors.size());
    for (std::size_t item = 0; item < factors.size(); ++item) {
      CHECK(counts[item] >= std::floor(factors[item]));
      CHECK(counts[item] <= std::ceil(factors[item]));
      mean[item] += static_cast<double>(counts[item]) / epochs;
    }
  }
  for (std::size_t item = 0; item < factors.size(); ++item) {
    CHECK(std::abs(mean[item] - factors[item]) < 0.035);  // over four standard deviations
  }
}

TEST_CASE("sampler: of every batch the last third is foreground, and nothing is drawn too often") {
  ForegroundPlan plan;
  plan.items = 9000;
  plan.batch_size = 12;
  for (std::uint64_t item = 0; item < plan.items; item += 10) plan.foreground.push_back(item);
  const auto order = foreground_order(plan, 5);
  std::vector<std::uint64_t> any(plan.items, 0), forced(plan.items, 0);
  for (std::uint64_t position = 0; position < order->draws(); ++position) {
    const std::uint64_t item = order->at(position);
    // nnU-Net: not forced below round(12 * (1 - 0.33)) = 8.
    if (position % 12 >= 8) {
      CHECK(item % 10 == 0);
      ++forced[item];
    } else {
      ++any[item];
    }
  }
  CHECK(*std::max_element(any.begin(), any.end()) == 1);
  const auto [least, most] = std::minmax_element(forced.begin(), forced.end());
  CHECK(*least == 0);
  CHECK(*most == 4);  // 3000 forced draws of 900
  plan.foreground.clear();
  CHECK_THROWS_AS(foreground_order(plan, 5), Error);
}

TEST_CASE("sampler: a batch of a group order is of one group, and an epoch has every item once") {
  SplitMix random(12);
  std::vector<std::uint32_t> groups;
  for (int i = 0; i < 5000; ++i) groups.push_back(static_cast<std::uint32_t>(random.below(9) * 3));
  for (const bool drop_last : {false, true}) {
    GroupBatchOrder order(groups, 32, 3, drop_last);
    std::set<std::vector<std::uint64_t>> seen_orders;
    for (const std::uint64_t epoch : {0u, 1u}) {
      order.set_epoch(epoch);
      std::set<std::uint64_t> seen;
      std::vector<std::uint64_t> drawn;
      const auto& begins = order.batch_begins();
      REQUIRE(begins.back() == order.draws());
      for (std::size_t batch = 0; batch + 1 < begins.size(); ++batch) {
        CHECK(begins[batch + 1] - begins[batch] <= 32);
        if (drop_last) CHECK(begins[batch + 1] - begins[batch] == 32);
        for (std::uint64_t position = begins[batch]; position < begins[batch + 1]; ++position) {
          drawn.push_back(order.at(position));
          seen.insert(drawn.back());
          CHECK(groups[drawn.back()] == groups[order.at(begins[batch])]);
        }
      }
      CHECK(seen.size() == drawn.size());
      if (!drop_last) CHECK(seen.size() == groups.size());
      seen_orders.insert(drawn);
    }
    CHECK(seen_orders.size() == 2);
  }
}

TEST_CASE("sampler: seeds and epochs give other orders, and the same ones the same") {
  const auto first = orders_of_every_kind(1);
  const auto again = orders_of_every_kind(1);
  const auto other = orders_of_every_kind(2);
  for (std::size_t kind = 0; kind < first.size(); ++kind) {
    CAPTURE(std::string(first[kind]->kind()));
    const auto draw = [](DrawOrder& order, std::uint64_t epoch) {
      order.set_epoch(epoch);
      std::vector<std::uint64_t> drawn(400);
      order.fill(7, drawn);
      return drawn;
    };
    CHECK(draw(*first[kind], 3) == draw(*again[kind], 3));
    CHECK(draw(*first[kind], 3) != draw(*first[kind], 4));
    CHECK(draw(*first[kind], 3) != draw(*other[kind], 3));
    CHECK(first[kind]->fingerprint() == again[kind]->fingerprint());
    CHECK(first[kind]->fingerprint() != other[kind]->fingerprint());
  }
}

TEST_CASE("sampler: the ranks' union is the epoch, for any number of ranks and size of block") {
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> worlds = {
      {1, 1}, {2, 1}, {8, 1}, {3, 16}, {8, 7}};
  for (const auto& pair : worlds) {
    const std::uint64_t world = pair.first;
    const std::uint64_t block = pair.second;
    CAPTURE(world);
    CAPTURE(block);
    for (std::size_t kind = 0; kind < 5; ++kind) {
      const auto reference = std::move(orders_of_every_kind(4)[kind]);
      CAPTURE(std::string(reference->kind()));
      std::vector<std::uint64_t> all(static_cast<std::size_t>(reference->draws()));
      reference->fill(0, all);
      std::vector<std::uint64_t> got;
      for (std::uint64_t rank = 0; rank < world; ++rank) {
        RankSampler sampler(std::move(orders_of_every_kind(4)[kind]), rank, world, block);
        const std::size_t before = got.size();
        std::uint64_t item = 0;
        while (got.size() - before < 10 && sampler.next(&item)) got.push_back(item);
        for (auto more = sampler.next_batch(33); !more.empty(); more = sampler.next_batch(33)) {
          got.insert(got.end(), more.begin(), more.end());
        }
        CHECK(got.size() - before == sampler.size());
      }
      std::sort(all.begin(), all.end());
      std::sort(got.begin(), got.end());
      CHECK(got == all);
    }
  }
}

TEST_CASE("sampler: a state of less than a kilobyte goes on at any draw, also in another world") {
  for (std::size_t kind = 0; kind < 5; ++kind) {
    for (const std::uint64_t block : {1u, 5u}) {
      RankSampler straight(std::move(orders_of_every_kind(8)[kind]), 1, 3, block);
      CAPTURE(std::string(straight.order().kind()));
      straight.set_epoch(6);
      straight.next_batch(123);
      const std::string state = straight.state();
      CHECK(state.size() < 1024);

      RankSampler resumed(std::move(orders_of_every_kind(8)[kind]), 1, 3, block);
      resumed.resume(state);
      CHECK(resumed.epoch() == 6);
      CHECK(resumed.next_batch(2000) == straight.next_batch(2000));

      // What three ranks had drawn in step, and what one goes on with, is the epoch.
      RankSampler alone(std::move(orders_of_every_kind(8)[kind]), 0, 1, 1);
      alone.resume(state);
      const std::uint64_t done = alone.global_position();
      CHECK(done == 123 / block * block * 3);
      CHECK(alone.size() == alone.order().draws() - done);
      std::vector<std::uint64_t> rest(static_cast<std::size_t>(alone.size()));
      alone.order().fill(done, rest);
      CHECK(alone.next_batch(5000) == rest);
    }
  }
}

TEST_CASE("sampler: the state of another order, and text that is none, are refused") {
  RankSampler sampler(permutation_order(100, 1));
  RankSampler other(permutation_order(101, 1));
  CHECK_THROWS_AS(sampler.resume(other.state()), Error);
  for (const std::string& text :
       {std::string(), std::string("slicebank-sampler-1"), sampler.state() + " 1",
        std::string(5000, 'x'), std::string("slicebank-sampler-1 permutation z 0 0 0 1 1")}) {
    CHECK_THROWS_AS(sampler.resume(text), Error);
  }
  CHECK_THROWS_AS(RankSampler(permutation_order(3, 1), 2, 2), Error);
  CHECK_THROWS_AS(RankSampler(permutation_order(3, 1), 0, 0), Error);
  CHECK_THROWS_AS(sampler.seek(101), Error);
}

}  // namespace
}  // namespace slicebank
