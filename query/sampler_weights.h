// How often each item shall be drawn: from the labels of items to weights. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace slicebank {

// Labels (classes, a dataset, a modality) of items, as small numbers. A label stands once
// in an item.
struct ItemLabels {
  std::vector<std::uint64_t> begins{0};  // labels of item i: begins[i] to begins[i + 1]
  std::vector<std::uint32_t> labels;
  std::uint32_t label_count = 0;  // all labels are below it

  std::uint64_t items() const noexcept { return begins.size() - 1; }
  std::span<const std::uint32_t> of(std::uint64_t item) const {
    return {labels.data() + begins[item], labels.data() + begins[item + 1]};
  }
  void add_item(std::span<const std::uint32_t> item_labels);
};

// In how many items each label stands.
std::vector<std::uint64_t> label_counts(const ItemLabels& items);

// Weights under which a label is drawn with a share of count^(1 / temperature), and then one
// of its items, each alike: an item's weight is the sum of share / count over its labels.
// Temperature 1 leaves a collection of single labels as it is; the larger, the nearer to
// all labels alike; infinity is exactly that. Items without a label count as a label of their
// own. Throws Error(bad_argument) for a temperature that is not above 0.
std::vector<double> balanced_weights(const ItemLabels& items, double temperature);

// LVIS's repeat factors (Gupta, Dollar, Girshick, "LVIS: A Dataset for Large Vocabulary
// Instance Segmentation", 2019, section 4): with f(c) the fraction of items that have c,
// r(c) = max(1, sqrt(threshold / f(c))), and an item's factor is the largest of its labels'; 1
// without a label. Their threshold is 0.001. Throws Error(bad_argument) for one that is not
// a number from 0.
std::vector<double> repeat_factors(const ItemLabels& items, double threshold = 0.001);

}  // namespace slicebank
