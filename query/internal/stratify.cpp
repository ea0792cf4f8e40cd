#include "query/internal/stratify.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <span>

#include "query/internal/mix.h"
#include "query/sampler.h"

namespace slicebank {
namespace {

using Entry = StratifyProblem::Entry;

constexpr double kImprovementMin = 1e-9;         // below it, a gain is rounding
constexpr std::uint64_t kWorkMax = 200'000'000;  // looks at one (label, side) of the search
constexpr std::size_t kSwapTriesMax = 4096;      // partners one group is compared with in a round
constexpr int kRoundsMax = 12;
constexpr double kSamplesWeight = 4;  // the sides' sizes matter more than one label of many

std::span<const Entry> entries_of(const StratifyProblem& problem, std::size_t group) {
  return {problem.entries.data() + problem.begins[group],
          problem.begins[group + 1] - problem.begins[group]};
}

// The counts of every label on every side while groups come and go.
class Balance {
 public:
  explicit Balance(const StratifyProblem& problem)
      : problem_(problem),
        sides_(problem.ratios.size()),
        error_(problem.labels * sides_, 0.0),
        scale_(problem.labels, 1.0) {
    std::vector<std::uint64_t> totals(problem.labels, 0);
    std::vector<std::uint64_t> largest(problem.labels, 1);
    for (std::size_t group = 0; group < problem.groups(); ++group) {
      if (problem.is_apart(group)) continue;
      for (const Entry& entry : entries_of(problem, group)) {
        totals[entry.label] += entry.count;
        largest[entry.label] = std::max(largest[entry.label], entry.count);
      }
    }
    for (std::size_t label = 0; label < problem.labels; ++label) {
      scale_[label] = 1.0 / static_cast<double>(largest[label]);
      for (std::size_t side = 0; side < sides_; ++side) {
        error_[label * sides_ + side] = -problem.ratios[side] * static_cast<double>(totals[label]);
      }
    }
  }

  std::size_t sides() const { return sides_; }

  // Counts by which a side lacks a label; negative where it has too many.
  double need(std::size_t label, std::size_t side) const { return -error_[label * sides_ + side]; }

  void add(std::size_t group, std::size_t side, double sign = 1) {
    for (const Entry& entry : entries_of(problem_, group)) {
      error_[entry.label * sides_ + side] += sign * static_cast<double>(entry.count);
    }
  }

  // What the cost becomes smaller by (negative: a gain) when a group changes sides.
  double move_cost(std::size_t group, std::size_t from, std::size_t to) const {
    double cost = 0;
    for (const Entry& entry : entries_of(problem_, group)) {
      cost += shift_cost(entry.label, from, to, static_cast<double>(entry.count));
    }
    return cost;
  }

  // The same for two groups that change places.
  double swap_cost(std::size_t first, std::size_t from, std::size_t second, std::size_t to) const {
    const auto a = entries_of(problem_, first);
    const auto b = entries_of(problem_, second);
    double cost = 0;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() || j < b.size()) {
      const std::uint32_t label_a = i < a.size() ? a[i].label : ~0u;
      const std::uint32_t label_b = j < b.size() ? b[j].label : ~0u;
      const std::uint32_t label = std::min(label_a, label_b);
      double amount = 0;  // leaves `from`
      if (label_a == label) amount += static_cast<double>(a[i++].count);
      if (label_b == label) amount -= static_cast<double>(b[j++].count);
      if (amount != 0) cost += shift_cost(label, from, to, amount);
    }
    return cost;
  }

 private:
  static double penalty(double x) {
    const double beyond = std::max(0.0, std::abs(x) - 0.9);
    return x * x + 16 * beyond * beyond;
  }

  double shift_cost(std::size_t label, std::size_t from, std::size_t to, double amount) const {
    const double scale = scale_[label];
    const double at_from = error_[label * sides_ + from] * scale;
    const double at_to = error_[label * sides_ + to] * scale;
    const double step = amount * scale;
    const double cost =
        penalty(at_from - step) - penalty(at_from) + penalty(at_to + step) - penalty(at_to);
    return label == 0 ? kSamplesWeight * cost : cost;
  }

  const StratifyProblem& problem_;
  std::size_t sides_;
  std::vector<double> error_;  // got - wanted, [label][side]; whole numbers apart from wanted
  std::vector<double> scale_;  // 1 / largest group, a label
};

// Groups of each label, the largest first.
struct LabelGroups {
  std::vector<std::size_t> begins;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> members;  // count, group
};

LabelGroups groups_by_label(const StratifyProblem& problem) {
  LabelGroups by_label;
  by_label.begins.assign(problem.labels + 1, 0);
  for (const Entry& entry : problem.entries) ++by_label.begins[entry.label + 1];
  for (std::size_t label = 0; label < problem.labels; ++label) {
    by_label.begins[label + 1] += by_label.begins[label];
  }
  by_label.members.resize(problem.entries.size());
  std::vector<std::size_t> at(by_label.begins.begin(), by_label.begins.end() - 1);
  for (std::size_t group = 0; group < problem.groups(); ++group) {
    for (const Entry& entry : entries_of(problem, group)) {
      by_label.members[at[entry.label]++] = {entry.count, static_cast<std::uint32_t>(group)};
    }
  }
  for (std::size_t label = 0; label < problem.labels; ++label) {
    std::sort(by_label.members.begin() + static_cast<std::ptrdiff_t>(by_label.begins[label]),
              by_label.members.begin() + static_cast<std::ptrdiff_t>(by_label.begins[label + 1]),
              [](const auto& a, const auto& b) {
                return a.first != b.first ? a.first > b.first : a.second < b.second;
              });
  }
  return by_label;
}

class Solver {
 public:
  explicit Solver(const StratifyProblem& problem)
      : problem_(problem), balance_(problem), sides_(problem.groups(), kUnplaced) {
    for (std::size_t side = 0; side < problem.ratios.size(); ++side) {
      if (!problem.is_closed(side)) open_.push_back(side);
    }
  }

  std::vector<std::uint16_t> run() {
    for (std::size_t group = 0; group < problem_.groups(); ++group) {
      if (problem_.fixed[group] < 0) continue;
      place(group, static_cast<std::size_t>(problem_.fixed[group]));
    }
    deal_out();
    refine();
    return std::move(sides_);
  }

 private:
  static constexpr std::uint16_t kUnplaced = 0xffff;

  void place(std::size_t group, std::size_t side) {
    balance_.add(group, side);
    sides_[group] = static_cast<std::uint16_t>(side);
  }

  void change(std::size_t group, std::size_t to) {
    balance_.add(group, sides_[group], -1);
    place(group, to);
  }

  void deal_out() {
    const LabelGroups by_label = groups_by_label(problem_);
    std::vector<std::size_t> left(problem_.labels, 0);
    for (std::size_t group = 0; group < problem_.groups(); ++group) {
      if (sides_[group] != kUnplaced) continue;
      for (const Entry& entry : entries_of(problem_, group)) ++left[entry.label];
    }
    while (true) {
      std::size_t rarest = problem_.labels;
      for (std::size_t label = 0; label < problem_.labels; ++label) {
        if (left[label] > 0 && (rarest == problem_.labels || left[label] < left[rarest])) {
          rarest = label;
        }
      }
      if (rarest == problem_.labels) return;
      for (std::size_t i = by_label.begins[rarest]; i < by_label.begins[rarest + 1]; ++i) {
        const std::size_t group = by_label.members[i].second;
        if (sides_[group] != kUnplaced) continue;
        place(group, neediest_side(rarest, group));
        for (const Entry& entry : entries_of(problem_, group)) --left[entry.label];
      }
    }
  }

  // The side that lacks most of the label; then of samples; then by a seeded draw.
  std::size_t neediest_side(std::size_t label, std::size_t group) const {
    std::size_t best = open_.front();
    for (const std::size_t side : open_) {
      if (side == best) continue;
      double difference = balance_.need(label, side) - balance_.need(label, best);
      if (std::abs(difference) < kImprovementMin) {
        difference = balance_.need(0, side) - balance_.need(0, best);
      }
      if (std::abs(difference) < kImprovementMin) {
        difference = draw(group, side) > draw(group, best) ? 1 : -1;
      }
      if (difference > 0) best = side;
    }
    return best;
  }

  std::uint64_t draw(std::size_t group, std::size_t side) const {
    return mix64(mix64(problem_.seed + 1) ^ mix64(group * 0x10001u + side + 1));
  }

  void refine() {
    for (std::uint32_t group = 0; group < problem_.groups(); ++group) {
      if (problem_.fixed[group] < 0) free_.push_back(group);
    }
    if (free_.empty() || open_.size() < 2) return;
    for (int round = 0; round < kRoundsMax && work_ < kWorkMax; ++round) {
      const bool moved = move_round(round);
      const bool swapped = swap_round(round);
      if (!moved && !swapped) return;
    }
  }

  // Every free group once, in an order of this round's own.
  bool move_round(int round) {
    bool any = false;
    const Permutation order(free_.size(), problem_.seed, 2 * static_cast<std::uint64_t>(round));
    for (std::size_t i = 0; i < free_.size() && work_ < kWorkMax; ++i) {
      const std::size_t group = free_[order[i]];
      const std::size_t from = sides_[group];
      std::size_t best = from;
      double best_cost = -kImprovementMin;
      for (const std::size_t to : open_) {
        if (to == from) continue;
        const double cost = balance_.move_cost(group, from, to);
        work_ += 2 * entries_of(problem_, group).size();
        if (cost < best_cost) {
          best_cost = cost;
          best = to;
        }
      }
      if (best == from) continue;
      change(group, best);
      any = true;
    }
    return any;
  }

  // Every free group with some of those that follow it in this round's order; with all
  // where there are few.
  bool swap_round(int round) {
    const std::size_t count = free_.size();
    const std::uint64_t round_work = (kWorkMax - std::min(work_, kWorkMax)) / 3;
    const std::uint64_t entries_a_group = problem_.entries.size() / problem_.groups() + 1;
    const std::uint64_t tries =
        std::min<std::uint64_t>({round_work / (count * 4 * entries_a_group), kSwapTriesMax,
                                 static_cast<std::uint64_t>(count - 1)});
    const Permutation order(count, problem_.seed, 2 * static_cast<std::uint64_t>(round) + 1);
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t first = free_[order[i]];
      for (std::size_t step = 1; step <= tries; ++step) {
        const std::size_t second = free_[order[(i + step) % count]];
        const std::size_t from = sides_[first];
        const std::size_t to = sides_[second];
        if (from == to) continue;
        work_ += 2 * (entries_of(problem_, first).size() + entries_of(problem_, second).size());
        if (balance_.swap_cost(first, from, second, to) >= -kImprovementMin) continue;
        change(first, to);
        change(second, from);
        any = true;
      }
    }
    return any;
  }

  const StratifyProblem& problem_;
  Balance balance_;
  std::vector<std::uint16_t> sides_;
  std::vector<std::size_t> open_;  // sides that take groups
  std::vector<std::uint32_t> free_;
  std::uint64_t work_ = 0;
};

}  // namespace

void StratifyProblem::add_group(const std::vector<Entry>& group_entries, std::int32_t fixed_side) {
  assert(!group_entries.empty() && group_entries.front().label == 0);
  entries.insert(entries.end(), group_entries.begin(), group_entries.end());
  begins.push_back(entries.size());
  fixed.push_back(fixed_side);
}

std::vector<std::uint16_t> stratify(const StratifyProblem& problem) {
  assert(!problem.ratios.empty());
  if (problem.groups() == 0) return {};
  return Solver(problem).run();
}

std::vector<StratifyLabel> count_labels(const StratifyProblem& problem,
                                        const std::vector<std::uint16_t>& sides) {
  std::vector<StratifyLabel> labels(problem.labels);
  for (StratifyLabel& label : labels) label.got.assign(problem.ratios.size(), 0);
  for (std::size_t group = 0; group < problem.groups(); ++group) {
    const bool apart = problem.is_apart(group);
    for (const Entry& entry : entries_of(problem, group)) {
      StratifyLabel& label = labels[entry.label];
      if (!apart) {
        label.total += entry.count;
        label.largest_group = std::max(label.largest_group, entry.count);
      }
      label.got[sides[group]] += entry.count;
    }
  }
  return labels;
}

}  // namespace slicebank
