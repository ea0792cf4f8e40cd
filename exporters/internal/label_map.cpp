#include "exporters/internal/label_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

namespace slicebank::exporting {

LabelMap paint_labels(const Loaded& loaded, const std::function<std::uint8_t(std::size_t)>& number,
                      const std::function<std::string(std::size_t)>& word) {
  const auto& masks = loaded.sample.masks;
  const auto& annotations = loaded.info.annotations;  // masks first, in the same order
  LabelMap map;
  map.labels_hw.assign(loaded.sample.image.shape.pixels(), 0);
  std::vector<std::size_t> order(masks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return annotations[a].area > annotations[b].area;
  });

  std::vector<bool> shared_hw;
  std::map<std::string, unsigned> masks_of_class;
  for (const std::size_t i : order) {
    if (annotations[i].area == 0) {
      map.losses.push_back(fmt::format("the empty mask of {} is left out", word(i)));
      continue;
    }
    ++map.masks;
    ++masks_of_class[word(i)];
    const std::uint8_t label = number(i);
    const auto& mask_hw = masks[i].mask_hw;
    for (std::size_t pixel = 0; pixel < mask_hw.size(); ++pixel) {
      if (mask_hw[pixel] == 0) continue;
      if (map.labels_hw[pixel] != 0 && map.labels_hw[pixel] != label) {
        if (shared_hw.empty()) shared_hw.resize(mask_hw.size());
        shared_hw[pixel] = true;
      }
      map.labels_hw[pixel] = label;
    }
  }
  const auto shared = std::count(shared_hw.begin(), shared_hw.end(), true);
  if (shared > 0) {
    map.losses.push_back(
        fmt::format("{} pixels belong to several classes; the smaller mask keeps them", shared));
  }
  for (const auto& [name, count] : masks_of_class) {
    if (count > 1) map.losses.push_back(fmt::format("{} masks of {} become one", count, name));
  }
  return map;
}

}  // namespace slicebank::exporting
