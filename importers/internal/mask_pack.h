// Many binary masks of one volume in few label maps: a layout of one file a class would
// otherwise hold a hundred volumes at once. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "importers/internal/volume_item.h"

namespace slicebank::internal {

class MaskPack {
 public:
  // `map` holds one mask, whatever is not 0, and has the size of those before it. It goes
  // into the first layer where its voxels are still free. Throws Error(bad_format) for a
  // value that is no label; nothing was added then.
  void add(const LabelMap& map);

  // The layers, with packed_values. Masks without a voxel are in none of them.
  std::vector<LabelMap> take() { return std::move(layers_); }

 private:
  bool fits(const LabelMap& layer) const;

  std::vector<LabelMap> layers_;
  std::vector<std::uint8_t> inside_;  // 1 a voxel of the mask at hand
};

}  // namespace slicebank::internal
