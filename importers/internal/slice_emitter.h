// Gives a slice of a volume what is known of it and passes it on. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "importers/importer.h"
#include "importers/internal/label_cut.h"
#include "importers/internal/volume_item.h"

namespace slicebank::internal {

class SliceEmitter {
 public:
  // All are borrowed for the emitter's life.
  SliceEmitter(const SourceItem& item, const std::vector<LabelMap>& maps, const SampleSink& emit);

  // `map_index` is where the slice lies in the maps, along `axis`.
  void put(Axis axis, std::uint32_t slice_index, std::uint32_t map_index, Image&& image);

  // Adds the values of the maps that were met and belong to no mask.
  void tell_unknown_values(DecodedItem& decoded) const;

 private:
  const SourceItem& item_;
  const std::vector<LabelMap>& maps_;
  const SampleSink& emit_;
  std::vector<LabelCutter> cutters_;  // as maps_
};

}  // namespace slicebank::internal
