#include "query/sampler_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "schema/error.h"

namespace slicebank {

void ItemLabels::add_item(std::span<const std::uint32_t> item_labels) {
  for (const std::uint32_t label : item_labels) {
    labels.push_back(label);
    label_count = std::max(label_count, label + 1);
  }
  begins.push_back(labels.size());
}

std::vector<std::uint64_t> label_counts(const ItemLabels& items) {
  std::vector<std::uint64_t> counts(items.label_count, 0);
  for (const std::uint32_t label : items.labels) ++counts[label];
  return counts;
}

std::vector<double> balanced_weights(const ItemLabels& items, double temperature) {
  if (!(temperature > 0)) {
    throw Error(ErrorCode::bad_argument, fmt::format("a temperature of {}", temperature),
                "1 draws labels as often as they are, larger ones more alike");
  }
  std::vector<std::uint64_t> counts = label_counts(items);
  const auto none = static_cast<std::uint32_t>(counts.size());
  counts.push_back(0);
  for (std::uint64_t item = 0; item < items.items(); ++item) {
    counts[none] += items.of(item).empty() ? 1U : 0U;
  }
  // Share of a label over its count, which is all that an item's weight asks for.
  std::vector<double> each;
  for (const std::uint64_t count : counts) {
    const double number = static_cast<double>(count);
    each.push_back(count == 0 ? 0 : std::pow(number, 1 / temperature - 1));
  }
  std::vector<double> weights(static_cast<std::size_t>(items.items()));
  for (std::uint64_t item = 0; item < items.items(); ++item) {
    double weight = items.of(item).empty() ? each[none] : 0;
    for (const std::uint32_t label : items.of(item)) weight += each[label];
    weights[static_cast<std::size_t>(item)] = weight;
  }
  return weights;
}

std::vector<double> repeat_factors(const ItemLabels& items, double threshold) {
  if (!(threshold >= 0) || !std::isfinite(threshold)) {
    throw Error(ErrorCode::bad_argument, fmt::format("a repeat threshold of {}", threshold),
                "a fraction of the items, as 0.001");
  }
  const double all = static_cast<double>(items.items());
  std::vector<double> of_label;
  for (const std::uint64_t count : label_counts(items)) {
    const double fraction = static_cast<double>(count) / all;
    of_label.push_back(count == 0 ? 1 : std::max(1.0, std::sqrt(threshold / fraction)));
  }
  std::vector<double> factors(static_cast<std::size_t>(items.items()), 1.0);
  for (std::uint64_t item = 0; item < items.items(); ++item) {
    double& factor = factors[static_cast<std::size_t>(item)];
    for (const std::uint32_t label : items.of(item)) factor = std::max(factor, of_label[label]);
  }
  return factors;
}

}  // namespace slicebank
