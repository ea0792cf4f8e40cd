#include "importers/internal/mask_pack.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "importers/internal/label_cut.h"

namespace slicebank {
namespace {

using internal::LabelCutter;
using internal::LabelMap;
using internal::MaskPack;

constexpr std::array<std::uint32_t, 3> kSize = {7, 5, 3};

LabelMap binary_map(std::size_t place, const std::vector<std::uint8_t>& inside, ElementType type) {
  LabelMap map;
  map.path = "mask" + std::to_string(place);
  map.masks = {place};
  map.map.type = type;
  map.map.size_ijk = kSize;
  map.map.voxels.resize(inside.size() * element_bytes(type));
  for (std::size_t i = 0; i < inside.size(); ++i) {
    map.map.voxels[i * element_bytes(type)] = std::byte{inside[i]};
  }
  return map;
}

}  // namespace

TEST_CASE("mask_pack: every mask comes back from the layers, overlapping or not") {
  const std::uint32_t seed = 20240607;
  INFO("seed ", seed);
  std::mt19937 random(seed);
  constexpr std::size_t kMasks = 300;  // more than one layer of u8 can name
  SourceItem item;
  std::vector<std::vector<std::uint8_t>> masks;
  MaskPack pack;
  for (std::size_t place = 0; place < kMasks; ++place) {
    std::vector<std::uint8_t> inside(std::size_t{kSize[0]} * kSize[1] * kSize[2], 0);
    const std::uint32_t voxels = random() % 4;  // now and then none at all
    for (std::uint32_t i = 0; i < voxels; ++i) {
      inside[random() % inside.size()] = static_cast<std::uint8_t>(1 + random() % 200);
    }
    item.masks.push_back({"mask" + std::to_string(place), "class", "", 0});
    item.masks.back().raw_class = static_cast<std::uint32_t>(place + 1);
    pack.add(binary_map(place, inside, place % 2 == 0 ? ElementType::u8 : ElementType::u16));
    for (std::uint8_t& voxel : inside) voxel = voxel != 0 ? 1 : 0;
    masks.push_back(std::move(inside));
  }
  const std::vector<LabelMap> layers = pack.take();
  CHECK(layers.size() > 1);
  CHECK(layers.size() < kMasks / 2);

  std::vector<std::vector<std::uint8_t>> back(kMasks,
                                              std::vector<std::uint8_t>(masks[0].size(), 0));
  const std::size_t plane = std::size_t{kSize[0]} * kSize[1];
  for (const LabelMap& layer : layers) {
    LabelCutter cutter(item, layer);
    for (std::uint32_t k = 0; k < kSize[2]; ++k) {
      std::vector<Mask> cut;
      cutter.cut(Axis::z, k, cut);
      for (const Mask& mask : cut) {
        CHECK(mask.source_value == 1);
        std::copy(mask.mask_hw.begin(), mask.mask_hw.end(),
                  back[mask.raw_class - 1].begin() + static_cast<std::ptrdiff_t>(plane * k));
      }
    }
    CHECK(cutter.unknown_values().empty());
  }
  CHECK((back == masks));
}

TEST_CASE("mask_pack: a map with a negative number is refused, and the others stay") {
  MaskPack pack;
  std::vector<std::uint8_t> inside(std::size_t{kSize[0]} * kSize[1] * kSize[2], 0);
  inside[4] = 1;
  pack.add(binary_map(0, inside, ElementType::u8));
  LabelMap negative = binary_map(1, inside, ElementType::i8);
  negative.map.voxels[9] = std::byte{0xff};
  CHECK_THROWS(pack.add(negative));
  CHECK(pack.take().size() == 1);
}

}  // namespace slicebank
