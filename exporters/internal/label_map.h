// Many masks as one label map: what a format with one number a pixel makes of overlap.
// Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "exporters/internal/origin.h"

namespace slicebank::exporting {

struct LabelMap {
  std::vector<std::uint8_t> labels_hw;  // 0 is nothing
  std::uint64_t masks = 0;              // that had a pixel to paint
  std::vector<std::string> losses;      // overlap, merged instances, empty masks
};

// `number(i)` is the label of mask i, `word(i)` its class in words. Masks are painted from
// the largest to the smallest, equal ones in their order, so that of two that overlap the
// smaller, or else the later, keeps the pixel: a lesion stays visible on its organ.
LabelMap paint_labels(const Loaded& loaded, const std::function<std::uint8_t(std::size_t)>& number,
                      const std::function<std::string(std::size_t)>& word);

}  // namespace slicebank::exporting
