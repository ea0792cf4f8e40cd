#include "importers/internal/slice_emitter.h"

#include <fmt/format.h>

#include <utility>

#include "importers/internal/item_problem.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kUnknownValuesTold = 20;

}  // namespace

SliceEmitter::SliceEmitter(const SourceItem& item, const std::vector<LabelMap>& maps,
                           const SampleSink& emit)
    : item_(item), maps_(maps), emit_(emit) {
  for (const LabelMap& map : maps) cutters_.emplace_back(item, map);
}

void SliceEmitter::put(Axis axis, std::uint32_t slice_index, std::uint32_t map_index,
                       Image&& image) {
  Sample sample;
  sample.axis = axis;
  sample.slice_index = slice_index;
  sample.image = std::move(image);
  for (LabelCutter& cutter : cutters_) cutter.cut(axis, map_index, sample.masks);
  for (const LabelSource& label : item_.labels) {
    sample.labels.push_back({label.class_id, label.raw_class, label.value});
  }
  emit_(std::move(sample));
}

void SliceEmitter::tell_unknown_values(DecodedItem& decoded) const {
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    std::size_t told = 0;
    for (const std::uint32_t value : cutters_[i].unknown_values()) {
      if (++told > kUnknownValuesTold) break;
      decoded.problems.push_back(
          skipped("unknown-class", maps_[i].path,
                  fmt::format("the value {} is in the map, but in no list of classes", value)));
    }
  }
}

}  // namespace slicebank::internal
