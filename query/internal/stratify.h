// Which group goes to which side: the heart of split.cpp, without a bank. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace slicebank {

// Groups with counts of labels, and what each side shall have of every label. Label 0
// counts samples and is in every group. The caller brings the groups into an order of
// their own (split.cpp: by a seeded hash of names), and ties go by that order.
struct StratifyProblem {
  struct Entry {
    std::uint32_t label = 0;
    std::uint64_t count = 0;  // > 0
  };

  std::vector<double> ratios;          // a side; their sum over the sides not closed is 1
  std::size_t labels = 1;              // how many there are
  std::vector<std::size_t> begins{0};  // entries of group g: begins[g] to begins[g + 1]
  std::vector<Entry> entries;          // ascending by label inside a group; label 0 first
  std::vector<std::int32_t> fixed;     // a group: the side it must have, or -1
  std::uint64_t seed = 0;

  // A side that has the groups fixed to it and gets no other; they are no part of the totals
  // that the other sides share. Empty: none is closed.
  std::vector<bool> closed;

  bool is_closed(std::size_t side) const { return side < closed.size() && closed[side]; }
  bool is_apart(std::size_t group) const {
    return fixed[group] >= 0 && is_closed(static_cast<std::size_t>(fixed[group]));
  }
  std::size_t groups() const noexcept { return begins.size() - 1; }

  // Starts the next group's entries.
  void add_group(const std::vector<Entry>& group_entries, std::int32_t fixed_side = -1);
};

// How far the counts of one label stand from the wanted ones.
struct StratifyLabel {
  std::uint64_t total = 0;          // on sides that are not closed
  std::uint64_t largest_group = 0;  // of those
  std::vector<std::uint64_t> got;   // a side
};

// A side for each group. Deterministic.
//
// First iterative stratification (Sechidis, Tsoumakas, Vlahavas 2011, on groups with
// counts): the label with the fewest groups left is dealt out, its largest group first, each
// to the side that lacks most of it. Then a local search moves groups, and swaps pairs, as
// long as the sum over labels and sides of f((got - wanted) / largest group) falls; f is the
// square, steeper beyond 0.9. Its work is bounded by counting, never by a clock.
std::vector<std::uint16_t> stratify(const StratifyProblem& problem);

// What an assignment comes to, a label.
std::vector<StratifyLabel> count_labels(const StratifyProblem& problem,
                                        const std::vector<std::uint16_t>& sides);

}  // namespace slicebank
