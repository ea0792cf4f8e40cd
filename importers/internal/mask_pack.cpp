#include "importers/internal/mask_pack.h"

#include <algorithm>

#include "formats/source_tree.h"

namespace slicebank::internal {
namespace {

constexpr std::size_t kPackedMax = 255;              // values of a u8 layer
constexpr std::size_t kPart = std::size_t{1} << 20;  // bytes looked at in one go

// Writes 1 for each voxel that is not 0; whether there is one.
bool mark(const LabelMap& map, std::vector<std::uint8_t>& inside) {
  const Volume& volume = map.map;
  inside.assign(volume.voxels_a_frame(), 0);
  std::size_t at = 0;
  bool any = false;
  if (volume.type == ElementType::u8 && !volume.scaled()) {
    for (const std::byte voxel : volume.voxels) {
      inside[at] = voxel != std::byte{0} ? 1 : 0;
      any = any || inside[at] != 0;
      ++at;
    }
    return any;
  }
  const Bytes voxels(volume.voxels);
  for (std::size_t part = 0; part < voxels.size(); part += kPart) {
    const Bytes some = voxels.subspan(part, std::min(kPart, voxels.size() - part));
    for (const std::uint32_t value :
         label_values(some, volume.type, printable(map.path), volume.slope, volume.intercept)) {
      inside[at] = value != 0 ? 1 : 0;
      any = any || value != 0;
      ++at;
    }
  }
  return any;
}

LabelMap empty_layer(const LabelMap& like) {
  LabelMap layer;
  layer.path = like.path;
  layer.map.type = ElementType::u8;
  layer.map.size_ijk = like.map.size_ijk;
  layer.map.dimensions = like.map.dimensions;
  layer.map.voxels.resize(like.map.voxels_a_frame());
  return layer;
}

}  // namespace

bool MaskPack::fits(const LabelMap& layer) const {
  if (layer.masks.size() >= kPackedMax) return false;
  for (std::size_t i = 0; i < inside_.size(); ++i) {
    if (inside_[i] != 0 && layer.map.voxels[i] != std::byte{0}) return false;
  }
  return true;
}

void MaskPack::add(const LabelMap& map) {
  if (!mark(map, inside_)) return;
  auto layer = std::find_if(layers_.begin(), layers_.end(),
                            [&](const LabelMap& each) { return fits(each); });
  if (layer == layers_.end()) layer = layers_.insert(layer, empty_layer(map));
  const auto value = static_cast<std::uint8_t>(layer->masks.size() + 1);
  for (std::size_t i = 0; i < inside_.size(); ++i) {
    if (inside_[i] != 0) layer->map.voxels[i] = std::byte{value};
  }
  layer->masks.push_back(map.masks.front());
  layer->packed_values.push_back(value);
}

}  // namespace slicebank::internal
