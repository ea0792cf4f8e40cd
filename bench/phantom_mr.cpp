// Axial MR of the head: scalp, skull, folded cortex, ventricles, and in most subjects a
// glioma with its nested parts. Three sequences of one anatomy.
#include <array>

#include "bench/phantom_parts.h"

namespace slicebank::phantom {
namespace {

constexpr double kRician = 4.2;  // deviation of the noise in both channels
constexpr double kView = 0.92;   // half the field of view, in units
constexpr std::uint32_t kMaskPixelsMin = 6;

enum class MrClass : std::uint32_t { core, edema, enhancing, ventricle, union_tumor };

enum Tissue : std::uint8_t {
  kAir,
  kSkin,
  kScalpFat,
  kBone,
  kMarrow,
  kFluid,
  kGray,
  kDeepGray,
  kWhite,
  kRim,  // white matter at the ventricles
  kVein,
  kEdema,
  kCore,
  kEnhancing,
  kTissues
};

// Brightness of each tissue, by sequence.
constexpr std::array<std::array<double, kTissues>, 3> kBrightness = {{
    //  air skin fat bone marrow fluid gray deep white rim vein edema core enhancing
    {{2, 112, 224, 12, 78, 27, 88, 102, 134, 128, 205, 80, 44, 232}},
    {{2, 96, 176, 10, 62, 20, 124, 116, 98, 140, 40, 222, 72, 176}},
    {{2, 92, 196, 10, 74, 234, 138, 112, 88, 100, 22, 204, 222, 132}},
}};

// One unit is 120 mm; x to the image's right, y backward, z upward from the middle of
// the head.
class Head {
 public:
  explicit Head(std::uint64_t seed);
  struct Voxel {
    Tissue tissue = kAir;
    bool ventricle = false;
  };
  Voxel at(const Point& point) const;
  const Noise& noise() const { return noise_; }

 private:
  Voxel brain(const Point& point, double depth) const;
  // The point of the healthy brain that the tumour has pushed here.
  Point before_growth(const Point& point) const;
  Tissue tumor(const Point& point, Tissue healthy) const;
  double ventricle_distance(const Point& point) const;
  double fold_distance(const Point& point) const;

  Noise noise_;
  Ellipsoid head_;
  double ventricle_radius_;
  bool has_tumor_;
  Point tumor_centre_;
  double tumor_radius_;
  double core_share_;
};

Head::Head(std::uint64_t seed) : noise_(seed) {
  Dice dice(mix(seed, 2));
  head_ = {{0, 0, 0},
           {dice.between(0.63, 0.68), dice.between(0.79, 0.86), dice.between(0.74, 0.78)},
           dice.between(-0.008, 0.008)};
  ventricle_radius_ = dice.between(0.032, 0.058);
  has_tumor_ = dice.chance(0.85);
  const double side = dice.chance(0.5) ? 1 : -1;
  tumor_centre_ = {side * dice.between(0.20, 0.34), dice.between(-0.32, 0.34),
                   dice.between(0.06, 0.30)};
  tumor_radius_ = dice.between(0.10, 0.19);
  core_share_ = dice.between(0.45, 0.74);
}

double Head::ventricle_distance(const Point& point) const {
  const Point here{std::abs(point.x), point.y, point.z};
  const Point front{0.075, -0.32, 0.05};
  const Point body_front{0.05, -0.16, 0.15};
  const Point body_back{0.07, 0.12, 0.19};
  const Point atrium{0.15, 0.26, 0.08};
  const Point back{0.13, 0.46, 0.02};
  const Point temple{0.28, 0.02, -0.16};
  const double wide = ventricle_radius_;
  double distance = to_segment(here, front, body_front) - wide;
  distance = std::min(distance, to_segment(here, body_front, body_back) - 0.9 * wide);
  distance = std::min(distance, to_segment(here, body_back, atrium) - 1.1 * wide);
  distance = std::min(distance, to_segment(here, atrium, back) - 0.75 * wide);
  distance = std::min(distance, to_segment(here, atrium, temple) - 0.6 * wide);
  return std::max(distance, 0.008 - here.x);  // the septum between the two
}

// Distance to the middle of the nearest sulcus: the sulci are where a noise field is 0.
double Head::fold_distance(const Point& point) const {
  constexpr double kFold = 7.6;
  constexpr double kStep = 0.015;
  const double warp_x = point.x + 0.07 * noise_.at(point.x * 4 + 7, point.y * 4, point.z * 4);
  const double warp_y = point.y + 0.07 * noise_.at(point.x * 4, point.y * 4 + 5, point.z * 4);
  const auto field = [&](double x, double y) {
    return noise_.fractal(x * kFold, y * kFold, point.z * kFold * 0.8, 2);
  };
  const double here = field(warp_x, warp_y);
  const double slope_x = (field(warp_x + kStep, warp_y) - here) / kStep;
  const double slope_y = (field(warp_x, warp_y + kStep) - here) / kStep;
  return std::abs(here) / (std::sqrt(square(slope_x) + square(slope_y)) + 1.2);
}

Point Head::before_growth(const Point& point) const {
  if (!has_tumor_) return point;
  const Point away{point.x - tumor_centre_.x, point.y - tumor_centre_.y, point.z - tumor_centre_.z};
  const double radius = std::sqrt(square(away.x) + square(away.y) + square(away.z));
  const double reach = 3.2 * tumor_radius_;
  if (radius >= reach || radius == 0) return point;
  const double moved = std::max(0.0, radius - 0.55 * tumor_radius_ * square(1 - radius / reach));
  const double share = moved / radius;
  return {tumor_centre_.x + away.x * share, tumor_centre_.y + away.y * share,
          tumor_centre_.z + away.z * share};
}

Head::Voxel Head::brain(const Point& point, double depth) const {
  const double fold = fold_distance(point);
  const double across = std::abs(point.x + 0.012 * noise_.at(point.y * 5, point.z * 4, 1));
  // The fissure between the hemispheres; the corpus callosum bridges it below.
  const double bridge = to_segment({0, point.y, point.z}, {0, -0.20, 0.16}, {0, 0.18, 0.22});
  const bool open =
      bridge > 0.10 && point.z > -0.12 && (std::abs(point.y) > 0.24 || point.z > 0.25);
  const double ventricle = ventricle_distance(point);
  const double third = std::max(
      across - 0.016, to_segment({0, point.y, point.z}, {0, -0.04, 0.0}, {0, 0.10, 0.02}) - 0.07);
  if (ventricle < 0) return {kFluid, true};
  if (third < 0) return {kFluid, false};

  const Point mirrored{std::abs(point.x), point.y, point.z};
  const double insula = to_segment(mirrored, {0.36, -0.14, -0.02}, {0.37, 0.16, 0.05});
  const double opercle = to_segment(mirrored, {0.37, -0.04, 0.0}, {0.62, -0.10, -0.06});
  const double sylvian = std::min(insula - 0.014, opercle - 0.010);
  const double shallow = ramp(0.25, 0.05, depth);
  const double sulcus = 0.005 + 0.012 * shallow;
  if (sylvian < 0) return {kFluid, false};
  if (depth < 0.24 && fold < sulcus * shallow) {
    // Veins run in some sulci.
    const bool vein = noise_.at(point.x * 18, point.y * 18, point.z * 9) > 0.62;
    return {vein ? kVein : kFluid, false};
  }
  if (open && across < 0.007) return {depth < 0.04 && point.y > 0 ? kVein : kFluid, false};

  const Ellipsoid thalamus{{0.088, 0.06, 0.03}, {0.062, 0.115, 0.085}, 0.06};
  const Ellipsoid caudate{{0.125, -0.21, 0.08}, {0.035, 0.085, 0.09}, -0.03};
  const Ellipsoid putamen{{0.235, -0.06, 0.03}, {0.045, 0.15, 0.10}, -0.03};
  const double deep = std::min(std::min(thalamus.level(mirrored), caudate.level(mirrored)),
                               putamen.level(mirrored)) +
                      0.08 * noise_.at(point.x * 12, point.y * 12, point.z * 12);
  if (deep < 1) return {kDeepGray, false};
  const bool cortex = depth < 0.034 || (depth < 0.27 && fold < sulcus + 0.023) ||
                      (open && across < 0.038) || sylvian < 0.032;
  if (cortex) return {kGray, false};
  return {ventricle < 0.016 ? kRim : kWhite, false};
}

Tissue Head::tumor(const Point& point, Tissue healthy) const {
  if (!has_tumor_) return healthy;
  const double distance =
      std::sqrt(square(point.x - tumor_centre_.x) + square(point.y - tumor_centre_.y) +
                square(point.z - tumor_centre_.z)) /
      tumor_radius_;
  if (distance > 3.4) return healthy;
  const double lobes = noise_.fractal(point.x * 6 + 3, point.y * 6, point.z * 6, 3);
  const double level = distance + 0.42 * lobes;
  const double knots = noise_.at(point.x * 16, point.y * 16, point.z * 16);
  if (level < core_share_ - 0.10 * knots) return kCore;
  if (level < 1) return kEnhancing;
  // Edema follows the white matter and leaves the cortex alone.
  const bool white = healthy == kWhite || healthy == kRim;
  const double fingers = noise_.fractal(point.x * 4, point.y * 4 + 6, point.z * 4, 3);
  if (white && distance < 1.95 + 1.1 * fingers) return kEdema;
  if (healthy == kGray && distance < 1.3 + 0.5 * fingers) return kEdema;
  return healthy;
}

Head::Voxel Head::at(const Point& point) const {
  const double radius = std::sqrt(square(point.x) + square(point.y) + square(point.z));
  const double level = head_.level(point);
  const double bumps = 0.008 * noise_.fractal(point.x * 3, point.y * 3, point.z * 3, 2);
  const double depth = (level > 0 ? radius * (1 / level - 1) : 0.6) + bumps;
  if (depth < 0) return {kAir, false};
  // Thinner scalp at the top, thicker skull in front and behind.
  const double uneven = 0.006 * noise_.at(point.x * 5, point.y * 5 + 3, point.z * 5);
  const double scalp = 0.042 + 0.012 * ramp(0.2, 0.6, point.y) + uneven;
  const double skull = scalp + 0.052 + 0.014 * ramp(0.3, 0.75, std::abs(point.y)) - uneven;
  if (depth < 0.012) return {kSkin, false};
  if (depth < scalp) {
    const double strand = noise_.fractal(point.x * 14, point.y * 14, point.z * 14, 2);
    return {strand > 0.34 || depth > scalp - 0.008 ? kSkin : kScalpFat, false};
  }
  if (depth < skull) {
    const double share = (depth - scalp) / (skull - scalp);
    return {share > 0.3 && share < 0.72 ? kMarrow : kBone, false};
  }
  // The superior sagittal sinus: a triangle on the inner table, behind and above.
  const double along = point.y > 0 || point.z > 0.3 ? 1 : 0;
  if (along > 0 && std::abs(point.x) < 0.045 - (depth - skull) && depth < skull + 0.05) {
    return {kVein, false};
  }
  const double inside = depth - skull - 0.014 - uneven;
  if (inside < 0) return {kFluid, false};
  Voxel voxel = brain(before_growth(point), inside);
  const Tissue tissue = tumor(point, voxel.tissue);
  if (tissue != voxel.tissue) {
    if (voxel.ventricle && tissue == kEdema) return voxel;
    voxel = {tissue, false};
  }
  return voxel;
}

void mark(Picture& picture, MrClass name, std::size_t at) {
  picture.mask(static_cast<std::uint32_t>(name))[at] = 1;
}

}  // namespace

const std::vector<std::string>& mr_classes() {
  static const std::vector<std::string> kNames = {"necrotic_tumor_core", "peritumoral_edema",
                                                  "enhancing_tumor", "lateral_ventricle",
                                                  "union_whole_tumor"};
  return kNames;
}

Picture paint_mr(std::uint64_t seed, std::uint32_t subject, const Cut& cut, Sequence sequence,
                 std::uint32_t side) {
  const std::uint64_t body = mix(mix(seed, 0x3A), subject);
  const Head head(body);
  const auto& brightness = kBrightness[static_cast<std::size_t>(sequence)];
  const double z = mixed(-0.10, 0.60, cut.position);
  Picture picture(side, 1);
  for (std::uint32_t row = 0; row < side; ++row) {
    for (std::uint32_t column = 0; column < side; ++column) {
      const Point point{((column + 0.5) / side * 2 - 1) * kView,
                        ((row + 0.5) / side * 2 - 1) * kView, z};
      const Head::Voxel voxel = head.at(point);
      const std::size_t at = std::size_t{row} * side + column;
      const double texture =
          voxel.tissue == kAir ? 0 : head.noise().fractal(point.x * 22, point.y * 22, z * 22, 2);
      const double patches =
          voxel.tissue == kEdema || voxel.tissue == kEnhancing ? 0.10 * texture : 0.025 * texture;
      picture.value_hwc[at] = brightness[voxel.tissue] * (1 + patches);
      if (voxel.ventricle) mark(picture, MrClass::ventricle, at);
      if (voxel.tissue == kCore) mark(picture, MrClass::core, at);
      if (voxel.tissue == kEdema) mark(picture, MrClass::edema, at);
      if (voxel.tissue == kEnhancing) mark(picture, MrClass::enhancing, at);
      if (voxel.tissue >= kEdema) mark(picture, MrClass::union_tumor, at);
    }
  }
  if (side >= 96) soften(picture.value_hwc, side, 1, side >= 384 ? 3 : 1);
  const std::uint64_t slice = mix(body, static_cast<std::uint64_t>(cut.position * 65536) * 4 +
                                            static_cast<std::uint64_t>(sequence));
  const auto real = grain(slice, side, side >= 384 ? 1 : 0);
  const auto imaginary = grain(mix(slice), side, side >= 384 ? 1 : 0);
  for (std::uint32_t row = 0; row < side; ++row) {
    for (std::uint32_t column = 0; column < side; ++column) {
      const std::size_t at = std::size_t{row} * side + column;
      const double u = (column + 0.5) / side * 2 - 1;
      const double v = (row + 0.5) / side * 2 - 1;
      // The coil is more sensitive on one side than on the other.
      const double bias = 1 + 0.13 * head.noise().at(u * 0.9 + 2, v * 0.9, z * 0.5 + 9);
      const double signal = picture.value_hwc[at] * bias;
      picture.value_hwc[at] =
          std::sqrt(square(signal + kRician * real[at]) + square(kRician * imaginary[at]));
    }
  }
  picture.finish_masks(kMaskPixelsMin);
  return picture;
}

}  // namespace slicebank::phantom
