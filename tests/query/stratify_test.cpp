#include "query/internal/stratify.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "query/internal/mix.h"

namespace slicebank {
namespace {

using Entry = StratifyProblem::Entry;

std::uint32_t draw(SplitMix& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random.below(bound));
}

// Like a collection of datasets: each group belongs to one of a few kinds that share most
// of their labels; counts spread over two orders of magnitude; some labels are rare.
StratifyProblem random_problem(SplitMix& random, std::size_t groups, std::size_t labels,
                               std::vector<double> ratios) {
  StratifyProblem problem;
  double sum = 0;
  for (const double ratio : ratios) sum += ratio;
  for (double& ratio : ratios) ratio /= sum;
  problem.ratios = std::move(ratios);
  problem.labels = labels + 1;
  problem.seed = random.next();
  for (std::size_t group = 0; group < groups; ++group) {
    const auto samples = 1 + draw(random, 1u << draw(random, 7));
    std::vector<Entry> entries{{0, samples}};
    const std::size_t kind = draw(random, 4);
    for (std::uint32_t label = 1; label <= labels; ++label) {
      const std::uint32_t one_in = label % 4 == kind ? 2 : label % 7 == 0 ? 60 : 20;
      if (draw(random, one_in) == 0) {
        entries.push_back({label, 1 + draw(random, samples)});
      }
    }
    problem.add_group(entries);
  }
  return problem;
}

// Largest |got - wanted| of a label over the sides, in counts.
double worst_error(const StratifyProblem& problem, const StratifyLabel& label) {
  double worst = 0;
  for (std::size_t side = 0; side < problem.ratios.size(); ++side) {
    worst = std::max(worst, std::abs(static_cast<double>(label.got[side]) -
                                     problem.ratios[side] * static_cast<double>(label.total)));
  }
  return worst;
}

TEST_CASE("stratify: every label stays within its largest group of what was wanted") {
  const std::uint64_t seed = 71;
  CAPTURE(seed);
  SplitMix random(seed);
  const std::vector<std::vector<double>> ratios = {
      {0.8, 0.1, 0.1}, {0.5, 0.5}, {1, 1, 1, 1, 1}, {0.9, 0.1}, {0.7, 0.2, 0.1}};
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    const std::size_t groups = 40 + random.below(400);
    const std::size_t labels = 1 + random.below(groups / 10);
    const auto problem =
        random_problem(random, groups, labels, ratios[random.below(ratios.size())]);

    const auto labels_got = count_labels(problem, stratify(problem));

    for (std::size_t label = 0; label < problem.labels; ++label) {
      CAPTURE(label);
      CHECK(worst_error(problem, labels_got[label]) <=
            static_cast<double>(labels_got[label].largest_group) + 1e-9);
    }
  }
}

TEST_CASE("stratify: one label of equal groups is dealt out to the sample") {
  StratifyProblem problem;
  problem.ratios = {0.8, 0.1, 0.1};
  for (int i = 0; i < 100; ++i) problem.add_group({{0, 1}});

  const auto got = count_labels(problem, stratify(problem)).front().got;

  CHECK(got == std::vector<std::uint64_t>{80, 10, 10});
}

TEST_CASE("stratify: a label in two groups reaches both sides of a half split") {
  StratifyProblem problem;
  problem.ratios = {0.5, 0.5};
  problem.labels = 2;
  for (int i = 0; i < 40; ++i) {
    if (i < 2) {
      problem.add_group({{0, 3}, {1, 2}});
    } else {
      problem.add_group({{0, 3}});
    }
  }

  const auto labels = count_labels(problem, stratify(problem));

  CHECK(labels[1].got == std::vector<std::uint64_t>{2, 2});
  CHECK(labels[0].got == std::vector<std::uint64_t>{60, 60});
}

TEST_CASE("stratify: fixed groups keep their side and the rest makes up for them") {
  StratifyProblem problem;
  problem.ratios = {0.5, 0.5};
  for (int i = 0; i < 100; ++i) problem.add_group({{0, 1}}, i < 30 ? 1 : -1);

  const auto sides = stratify(problem);

  CHECK(std::all_of(sides.begin(), sides.begin() + 30, [](auto side) { return side == 1; }));
  CHECK(count_labels(problem, sides).front().got == std::vector<std::uint64_t>{50, 50});
}

TEST_CASE("stratify: the seed decides, and nothing else") {
  SplitMix random(5);
  StratifyProblem problem = random_problem(random, 200, 10, {0.8, 0.2});

  const auto first = stratify(problem);
  CHECK(first == stratify(problem));
  ++problem.seed;
  CHECK(first != stratify(problem));
}

TEST_CASE("stratify: a side of ratio zero gets nothing") {
  SplitMix random(6);
  const StratifyProblem problem = random_problem(random, 300, 5, {0.5, 0.0, 0.5});
  CHECK(count_labels(problem, stratify(problem)).front().got[1] == 0);
}

TEST_CASE("stratify: the search beats dealing groups out by chance") {
  SplitMix random(8);
  const StratifyProblem problem = random_problem(random, 400, 30, {0.8, 0.1, 0.1});
  std::vector<std::uint16_t> by_chance;
  for (std::size_t group = 0; group < problem.groups(); ++group) {
    const auto drawn = random.below(10);
    by_chance.push_back(drawn < 8 ? 0 : drawn == 8 ? 1 : 2);
  }
  const auto mean_deviation = [&](const std::vector<std::uint16_t>& sides) {
    double sum = 0;
    for (const StratifyLabel& label : count_labels(problem, sides)) {
      if (label.total > 0) sum += worst_error(problem, label) / static_cast<double>(label.total);
    }
    return sum / static_cast<double>(problem.labels);
  };
  CHECK(mean_deviation(stratify(problem)) < 0.4 * mean_deviation(by_chance));
}

TEST_CASE("stratify: many groups with five hundred labels stay within a group of what was wanted") {
  SplitMix random(9);
  StratifyProblem problem;
  problem.ratios = {0.8, 0.1, 0.1};
  problem.labels = 501;
  for (int group = 0; group < 10'000; ++group) {
    std::vector<std::uint32_t> labels;
    const auto kind = draw(random, 50);
    for (int i = 0; i < 12; ++i) {
      labels.push_back(1 + (kind * 10 + draw(random, 12)) % 500);
    }
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    std::vector<Entry> entries{{0, 100}};
    for (const std::uint32_t label : labels) {
      entries.push_back({label, 1 + draw(random, 100)});
    }
    problem.add_group(entries);
  }

  for (const StratifyLabel& label : count_labels(problem, stratify(problem))) {
    CHECK(worst_error(problem, label) <= static_cast<double>(label.largest_group));
  }
}

}  // namespace
}  // namespace slicebank
