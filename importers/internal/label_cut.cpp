#include "importers/internal/label_cut.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "formats/source_tree.h"

namespace slicebank::internal {
namespace {

// Values above this are looked up one by one instead of in a table.
constexpr std::uint32_t kTableMax = 1u << 16;

std::vector<std::uint32_t> component_of(const std::vector<std::uint32_t>& values_hwc,
                                        std::size_t channels, std::size_t component) {
  std::vector<std::uint32_t> values;
  values.reserve(values_hwc.size() / channels);
  for (std::size_t at = component; at < values_hwc.size(); at += channels) {
    values.push_back(values_hwc[at]);
  }
  return values;
}

}  // namespace

LabelCutter::LabelCutter(const SourceItem& item, const LabelMap& map)
    : item_(item), map_(map), other_values_(map.other_values.begin(), map.other_values.end()) {
  for (std::size_t i = 0; i < map.masks.size(); ++i) {
    const std::size_t place = map.masks[i];
    const MaskSource& mask = item.masks[place];
    Component& component = components_[mask.component - map.first_component];
    if (!map.packed_values.empty()) {
      packed_values_[place] = map.packed_values[i];
      component.of_value[map.packed_values[i]].push_back(place);
      continue;
    }
    if (mask.values.empty()) component.any.push_back(place);
    for (const std::uint32_t value : mask.values) component.of_value[value].push_back(place);
  }
}

void LabelCutter::cut(Axis axis, std::uint32_t index, std::vector<Mask>& masks) {
  const Volume& map = map_.map;
  const std::size_t channels = map.channels;
  const bool plain = channels == 1 && !map.scaled() && map.type == ElementType::u8;
  std::vector<std::uint32_t> values_hwc;
  std::uint32_t cut_frame = 0;
  for (const auto& [number, component] : components_) {
    const auto frame = static_cast<std::uint32_t>(number / channels);
    if (plain && axis != Axis::x && axis != Axis::y) {  // one piece of the map
      const std::size_t pixels = std::size_t{map.size_ijk[0]} * map.size_ijk[1];
      const std::size_t first = map.voxels_a_frame() * frame + pixels * index;
      cut_component(
          std::span(reinterpret_cast<const std::uint8_t*>(map.voxels.data()) + first, pixels),
          component, masks);
      continue;
    }
    if (plain) {
      const Image slice = slice_of(map, axis, index, frame);
      cut_component(std::span(reinterpret_cast<const std::uint8_t*>(slice.image_hwc.data()),
                              slice.image_hwc.size()),
                    component, masks);
      continue;
    }
    if (values_hwc.empty() || frame != cut_frame) {
      const Image slice = slice_of(map, axis, index, frame);
      values_hwc = label_values(slice.image_hwc, element_type_of(slice.shape.pixel_type),
                                printable(map_.path), map.slope, map.intercept);
      cut_frame = frame;
    }
    if (channels == 1) {
      cut_component(std::span<const std::uint32_t>(values_hwc), component, masks);
    } else {
      const auto values = component_of(values_hwc, channels, number % channels);
      cut_component(std::span<const std::uint32_t>(values), component, masks);
    }
  }
}

template <typename Value>
void LabelCutter::cut_component(std::span<const Value> values, const Component& component,
                                std::vector<Mask>& masks) {
  Value largest = 0;
  for (const Value value : values) largest = std::max(largest, value);
  if (largest == 0) return;
  std::set<std::size_t> present(component.any.begin(), component.any.end());
  const auto meet = [&](std::uint32_t value) {
    const auto found = component.of_value.find(value);
    if (found != component.of_value.end()) {
      present.insert(found->second.begin(), found->second.end());
    } else if (value != 0 && component.any.empty() && !other_values_.contains(value)) {
      unknown_.insert(value);
    }
  };
  if (largest <= kTableMax) {
    seen_.assign(std::size_t{largest} + 1, 0);
    // Neighbours are mostly equal: the table is written where the value changes.
    Value last = static_cast<Value>(~values[0]);
    for (const Value value : values) {
      if (value == last) continue;
      seen_[value] = 1;
      last = value;
    }
    for (std::uint32_t value = 1; value <= largest; ++value) {
      if (seen_[value] != 0) meet(value);
    }
  } else {
    std::vector<Value> different(values.begin(), values.end());
    std::sort(different.begin(), different.end());
    different.erase(std::unique(different.begin(), different.end()), different.end());
    for (const Value value : different) meet(value);
  }
  for (const std::size_t place : present) add_mask(place, values, masks);
}

template <typename Value>
void LabelCutter::add_mask(std::size_t place, std::span<const Value> values,
                           std::vector<Mask>& masks) const {
  const MaskSource& from = item_.masks[place];
  Mask mask;
  mask.class_id = from.class_id;
  mask.raw_class = from.raw_class;
  mask.instance = from.instance;
  mask.source_value = from.values.size() == 1
                          ? static_cast<std::uint8_t>(std::min<std::uint32_t>(from.values[0], 255))
                          : std::uint8_t{1};
  mask.mask_hw.resize(values.size());
  std::uint8_t* inside = mask.mask_hw.data();
  const auto packed = packed_values_.find(place);
  if (packed == packed_values_.end() && from.values.empty()) {
    for (std::size_t i = 0; i < values.size(); ++i) inside[i] = values[i] != 0 ? 1 : 0;
  } else {
    // One pass a value: each is a comparison that the compiler makes wide.
    const std::vector<std::uint32_t> wanted_values =
        packed == packed_values_.end() ? from.values : std::vector{packed->second};
    for (const std::uint32_t wanted : wanted_values) {
      if (wanted > std::numeric_limits<Value>::max()) continue;
      const auto value = static_cast<Value>(wanted);
      for (std::size_t i = 0; i < values.size(); ++i) {
        inside[i] |= static_cast<std::uint8_t>(values[i] == value);
      }
    }
  }
  masks.push_back(std::move(mask));
}

}  // namespace slicebank::internal
