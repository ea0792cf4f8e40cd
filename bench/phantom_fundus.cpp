#include "bench/phantom_parts.h"

namespace slicebank::phantom {

const std::vector<std::string>& fundus_classes() {
  static const std::vector<std::string> kNames = {"optic_disc", "optic_cup", "hard_exudate",
                                                  "haemorrhage"};
  return kNames;
}

Picture paint_fundus(std::uint64_t seed, std::uint32_t subject, std::uint32_t eye,
                     std::uint32_t side) {
  Picture picture(side, 3);
  Dice dice(mix(seed, subject));
  const double place = 0.5 + 0.1 * (eye % 4);
  const Noise noise(dice.next());
  for (std::uint32_t k = 0; k < fundus_classes().size(); ++k) {
    const Ellipsoid shape{{dice.between(-0.5, 0.5), dice.between(-0.5, 0.5), dice.unit()},
                          {dice.between(0.1, 0.35), dice.between(0.1, 0.35), 0.4},
                          dice.unit()};
    auto& mask = picture.mask(k);
    for (std::uint32_t y = 0; y < side; ++y) {
      for (std::uint32_t x = 0; x < side; ++x) {
        const Point point{(x + 0.5) / side * 2 - 1, (y + 0.5) / side * 2 - 1, place};
        const bool inside = shape.level(point) + 0.2 * noise.at(point.x * 4, point.y * 4, k) < 1;
        const std::size_t at = std::size_t{y} * side + x;
        mask[at] = inside;
        for (std::uint32_t c = 0; c < 3; ++c) {
          double& value = picture.value_hwc[at * 3 + c];
          if (k == 0) value = 20 + 4 * white(mix(seed, static_cast<std::uint64_t>(place * 1000)), x, y);
          if (inside) value += 20 + k * 4 + c * 9;
        }
      }
    }
  }
  picture.finish_masks(6);
  return picture;
}

}  // namespace slicebank::phantom
