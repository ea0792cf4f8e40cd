// Cuts the masks of one label map, slice by slice. One thread a cutter.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/volume_item.h"

namespace slicebank::internal {

class LabelCutter {
 public:
  // Both are borrowed for the cutter's life.
  LabelCutter(const SourceItem& item, const LabelMap& map);

  // Appends a mask for each class that is on this slice, in the order of the item's masks.
  // Throws Error(bad_format) for a value that is no label.
  void cut(Axis axis, std::uint32_t index, std::vector<Mask>& masks);

  // Values that were met and belong to no mask, so far.
  const std::set<std::uint32_t>& unknown_values() const noexcept { return unknown_; }

 private:
  // Which masks of one component hold which values.
  struct Component {
    std::vector<std::size_t> any;  // masks of everything but 0
    std::map<std::uint32_t, std::vector<std::size_t>> of_value;
  };

  // `Value` is the map's own unsigned type where it can be, so that many voxels are looked
  // at in one step.
  template <typename Value>
  void cut_component(std::span<const Value> values, const Component& component,
                     std::vector<Mask>& masks);
  template <typename Value>
  void add_mask(std::size_t place, std::span<const Value> values, std::vector<Mask>& masks) const;

  const SourceItem& item_;
  const LabelMap& map_;
  std::map<std::uint32_t, Component> components_;
  std::map<std::size_t, std::uint32_t> packed_values_;  // by place
  std::set<std::uint32_t> other_values_;
  std::set<std::uint32_t> unknown_;
  std::vector<std::uint8_t> seen_;  // by value; kept between slices for its memory
};

}  // namespace slicebank::internal
