// Abdominal CT in Hounsfield units: the torso, seen by a scanner.
#include "bench/phantom_parts.h"
#include "bench/phantom_torso.h"

namespace slicebank::phantom {
namespace {

constexpr double kHeight = 1.6;  // of the stack, in units of 200 mm: 320 mm
constexpr double kNoise = 11;    // Hounsfield units at the skin
constexpr std::uint32_t kMaskPixelsMin = 6;

}  // namespace

const std::vector<std::string>& ct_classes() {
  static const std::vector<std::string> kNames = {"liver",       "spleen",
                                                  "kidney_left", "kidney_right",
                                                  "aorta",       "postcava",
                                                  "stomach",     "gallbladder",
                                                  "pancreas",    "lung_left",
                                                  "lung_right",  "vertebrae",
                                                  "liver_tumor", "union_kidney_left_kidney_right"};
  return kNames;
}

Picture paint_ct(std::uint64_t seed, std::uint32_t subject, const Cut& cut, double time,
                 std::uint32_t side) {
  const std::uint64_t body = mix(mix(seed, 0xC7), subject);
  const Torso torso(body, time);
  Picture picture(side, 1);
  const auto place = static_cast<std::uint64_t>(cut.position * 65536);
  for (std::uint32_t row = 0; row < side; ++row) {
    for (std::uint32_t column = 0; column < side; ++column) {
      const double u = (column + 0.5) / side * 2 - 1;
      const double v = (row + 0.5) / side * 2 - 1;
      const Point point = cut.axis == Axis::x
                              ? Point{mixed(-0.55, 0.55, cut.position), u, (v + 1) / 2 * kHeight}
                              : Point{u, v - 0.06, cut.position * kHeight};
      const Voxel voxel = torso.at(point);
      const std::size_t at = std::size_t{row} * side + column;
      picture.value_hwc[at] = voxel.hounsfield;
      for (std::uint32_t k = 0; voxel.classes >> k != 0; ++k) {
        if ((voxel.classes >> k & 1) == 0) continue;
        const bool lesion = k == static_cast<std::uint32_t>(CtClass::liver_tumor);
        picture.mask(k, lesion ? voxel.lesion - 1 : 0)[at] = 1;
      }
    }
  }
  if (side >= 96) soften(picture.value_hwc, side, 1, side >= 384 ? 2 : 1);
  const auto noise = grain(mix(body, place * 2 + (cut.axis == Axis::x ? 1 : 0)), side, 1);
  for (std::uint32_t row = 0; row < side; ++row) {
    for (std::uint32_t column = 0; column < side; ++column) {
      const std::size_t at = std::size_t{row} * side + column;
      // Fewer photons come through the middle.
      const double u = (column + 0.5) / side * 2 - 1;
      const double v = (row + 0.5) / side * 2 - 1;
      const double strength = kNoise * (1.5 - 0.8 * clamp01(u * u + v * v));
      picture.value_hwc[at] = std::max(-1024.0, picture.value_hwc[at] + strength * noise[at]);
    }
  }
  picture.finish_masks(kMaskPixelsMin);
  return picture;
}

}  // namespace slicebank::phantom
