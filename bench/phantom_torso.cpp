#include "bench/phantom_torso.h"

namespace slicebank::phantom {
namespace {

constexpr double kMuscle = 58;
constexpr double kVertebra = 0.17;  // height of a vertebra with its disc
constexpr double kRib = 0.16;       // from rib to rib
constexpr int kLastRib = 4;         // counted from the one that begins at z = 0

// Compact outside, spongy inside; `level` is 1 at the surface.
double bone(double level, double sponge, double texture) {
  return level > 0.8 ? 620 + 160 * texture : sponge + 90 * texture;
}

}  // namespace

Torso::Torso(std::uint64_t seed, double time) : seed_(seed), noise_(seed) {
  Dice dice(mix(seed, 1));
  const double build = dice.unit();  // slender to stout
  half_width_ = mixed(0.74, 0.89, build) + dice.between(-0.02, 0.02);
  half_depth_ = mixed(0.57, 0.70, build) + dice.between(-0.02, 0.02);
  fat_ = mixed(0.035, 0.13, build * build) + dice.between(0, 0.02);
  spine_y_ = half_depth_ * 0.94 - 0.33 - 0.6 * fat_;
  breath_ = 0.09 * (0.5 - 0.5 * cosine(time));
  calcium_ = dice.between(0.1, 1.0);
  wobble_ = dice.unit();
  const double width = half_width_ - fat_;
  const double front = -(half_depth_ - fat_ - 0.06);

  heart_ = {{0.12, -0.13, -0.12}, {0.36, 0.27, 0.28}, 0.07};
  const double size = dice.between(0.92, 1.08);
  liver_[0] = {{-0.44 * width / 0.72, 0.01, 0.45},
               {0.40 * size, 0.47 * size, 0.45 * size},
               dice.between(-0.02, 0.03)};
  liver_[1] = {{-0.14, front + 0.24, 0.32}, {0.42 * size, 0.21 * size, 0.25 * size}, 0.03};
  liver_[2] = {{-0.46 * width / 0.72, 0.08, 0.85}, {0.20, 0.26, 0.30 * size}, 0};
  gallbladder_ = {{-0.30 + dice.between(-0.04, 0.04), front + 0.27, 0.72},
                  {0.075, 0.11, dice.between(0.10, 0.16)},
                  dice.between(-0.08, 0.08)};
  spleen_ = {{width - 0.17, 0.13, 0.42 + dice.between(-0.05, 0.05)},
             {0.17, 0.30, dice.between(0.22, 0.30)},
             dice.between(-0.06, -0.02)};
  stomach_[0] = {{0.30, -0.17, 0.33}, {0.25, 0.24, 0.27}, -0.05};
  stomach_[1] = {{0.10, front + 0.20, 0.56}, {0.26, 0.12, 0.13}, 0.03};
  kidney_[0] = {{-0.37, spine_y_ + 0.005, 0.93 + dice.between(-0.04, 0.04)},
                {0.125, 0.155, dice.between(0.26, 0.31)},
                -0.08};
  kidney_[1] = {{0.37, spine_y_ + 0.005, 0.83 + dice.between(-0.04, 0.04)},
                {0.125, 0.155, dice.between(0.26, 0.31)},
                0.08};
  pancreas_ = {Point{-0.17, -0.01, 0.86}, Point{-0.11, -0.07, 0.76}, Point{0.04, -0.12, 0.70},
               Point{0.22, -0.07, 0.63}, Point{0.44, 0.05, 0.54}};

  const int lesions = dice.chance(0.2) ? 0 : dice.count(2, 7);
  for (int i = 0; i < lesions; ++i) {
    const Ellipsoid& lobe = liver_[i % 3 == 2 ? 1 : 0];
    const double radius = dice.between(0.03, 0.065) * (i == 0 ? 2 : 1);
    const Point centre{lobe.centre.x + lobe.radius.x * dice.between(-0.6, 0.6),
                       lobe.centre.y + lobe.radius.y * dice.between(-0.6, 0.5),
                       lobe.centre.z + lobe.radius.z * dice.between(-0.6, 0.7)};
    lesions_.push_back(
        {{centre, {radius, radius * dice.between(0.8, 1.2), radius * 1.1}, dice.unit()},
         dice.between(25, 66)});
  }
}

Torso::Layer Torso::layer(const Point& point) const {
  // Wider at the hips and the chest than at the waist; flatter at the back.
  const double waist = 1 - 0.05 * ramp(0.5, 1.1, point.z) + 0.04 * ramp(1.1, 1.8, point.z);
  const double bulge = 0.012 * noise_.fractal(point.x * 2 + 3, point.y * 2, point.z * 1.5, 2);
  const double a = half_width_ * waist + bulge;
  const double b = half_depth_ * (point.y > 0 ? 0.94 : 1.0) * (2 - waist) + bulge;
  const double u = square(point.x / a);
  const double v = square(point.y / b);
  // Between an ellipse and a box: a superellipse of degree 2 mixed with one of degree 4.
  const double level = 0.55 * std::sqrt(u + v) + 0.45 * std::sqrt(std::sqrt(u * u + v * v));
  const double radius = std::sqrt(square(point.x) + square(point.y));
  Layer layer;
  layer.depth = level > 0 ? radius * (1 / level - 1) : a;
  layer.round = 2 * direction(point.y, std::abs(point.x));
  const double uneven = 1 + 0.15 * noise_.at(point.x * 3, point.y * 3, point.z * 2 + 7);
  const double flank = 1 - square(2 * layer.round - 1);  // 1 at the sides
  layer.fat = 0.014 + fat_ * uneven * (0.75 + 0.5 * flank * ramp(0.4, 1.3, point.z));
  layer.wall = layer.fat + 0.055 + 0.02 * flank;
  return layer;
}

double Torso::couch(const Point& point) const {
  const double top = half_depth_ * 0.94 * 1.04 + 0.02 - 0.16 * square(point.x);
  const double below = point.y - top;
  if (std::abs(point.x) > 0.78 || below < 0 || below > 0.14 - 0.1 * square(point.x)) return -1000;
  const double bottom = 0.14 - 0.1 * square(point.x) - below;
  if (below < 0.014 || bottom < 0.014 || std::abs(point.x) > 0.766) return -70;
  return -900;
}

bool Torso::spine(const Point& point, Voxel& voxel) const {
  const double across = std::abs(point.x);
  const double back = point.y - spine_y_;
  if (across > 0.30 || back < -0.13 || back > 0.34) return false;
  const double phase = point.z / kVertebra + wobble_;
  const double share = phase - std::floor(phase);  // 0 to 1 down one vertebra and its disc
  const bool disc = share > 0.80;
  const double waist = 1 - 0.10 * (1 - square(share / 0.4 - 1)) * (disc ? 0.0 : 1.0);
  const double texture = noise_.fractal(point.x * 45, point.y * 45, point.z * 45, 2);

  // The body's hind side is hollowed by the canal.
  const double body = std::sqrt(square(point.x / (0.118 * waist)) + square(back / (0.092 * waist)));
  const double canal = std::sqrt(square(point.x / 0.056) + square((back - 0.118) / 0.046));
  if (canal < 1) {
    voxel.hounsfield = canal > 0.86 ? -40 : (canal < 0.55 ? 42 : 12);  // fat, cord, fluid
    return true;
  }
  if (body < 1) {
    const double plate = std::min(share, 0.80 - share);  // to the end plates
    const double level = disc ? 0 : std::max(body * body, plate < 0.035 ? 1.0 : 0.0);
    voxel.hounsfield = disc ? 88 + 10 * texture : bone(level, 185, texture);
    voxel.classes |= bit(CtClass::vertebrae);
    return true;
  }
  const bool pedicle = share > 0.12 && share < 0.5;
  const bool middle = share > 0.2 && share < 0.75;
  double level = 2;
  const auto limb = [&](const Point& a, const Point& b, double radius) {
    const Point here{across, back, 0};
    level = std::min(level, to_segment(here, a, b) / radius);
  };
  limb({0.066, 0.155, 0}, {0.0, 0.19, 0}, 0.024);  // lamina
  if (pedicle) limb({0.075, 0.06, 0}, {0.078, 0.14, 0}, 0.028);
  if (middle) limb({0.08, 0.14, 0}, {0.20, 0.165, 0}, 0.024);  // transverse process
  if (share > 0.3) limb({0.0, 0.19, 0}, {0.0, 0.285, 0}, 0.02);
  if (!middle || share > 0.6) limb({0.088, 0.135, 0}, {0.098, 0.165, 0}, 0.034);  // facet joint
  if (level >= 1) return false;
  voxel.hounsfield = bone(level, 230, texture);
  voxel.classes |= bit(CtClass::vertebrae);
  return true;
}

bool Torso::rib(const Point& point, const Layer& layer, Voxel& voxel) const {
  const double height = (point.z - 0.52 * layer.round) / kRib + wobble_;
  const double number = std::floor(height);
  if (number > kLastRib || (point.z < -0.5)) return false;
  const double fall = kLastRib - number;  // 0 is the twelfth rib
  const double end = fall < 1 ? 0.36 : fall < 2 ? 0.5 : 0.80 - 0.02 * fall;
  if (layer.round > end + 0.12 || layer.round < 0.12) return false;
  const double middle = (layer.fat + layer.wall) / 2 + 0.006;
  // The tip of a floating rib tapers.
  const double taper = fall < 2 ? std::sqrt(clamp01((end - layer.round) / 0.08)) : 1;
  if (taper == 0) return false;
  const double level = std::sqrt(square((height - number - 0.5) * kRib / 0.036) +
                                 square((layer.depth - middle) / 0.03)) /
                       taper;
  if (level >= 1) return false;
  const double texture = noise_.fractal(point.x * 40, point.y * 40, point.z * 40, 2);
  const bool cartilage = layer.round > end;
  voxel.hounsfield = cartilage ? 105 + 25 * texture : bone(level, 170, texture);
  return true;
}

bool Torso::muscle(const Point& point, Voxel& voxel) const {
  const double across = std::abs(point.x);
  const double back = point.y - spine_y_;
  const double streak = noise_.fractal(point.x * 16, point.y * 26, point.z * 4, 3);
  const double psoas_radius = 0.02 + 0.10 * ramp(0.75, 1.6, point.z);
  const double psoas = std::sqrt(square((across - 0.115 - psoas_radius * 0.85) / psoas_radius) +
                                 square((back - 0.03) / (psoas_radius * 1.25)));
  const double erector =
      std::sqrt(square((across - 0.165) / 0.145) + square((back - 0.245) / 0.10));
  const double flank =  // quadratus lumborum
      std::sqrt(square((across - 0.31) / 0.07) + square((back - 0.15) / 0.045));
  const bool inside = (psoas < 1 && point.z > 0.75) || erector < 1 || (flank < 1 && point.z > 0.8);
  if (!inside) return false;
  voxel.hounsfield = kMuscle + 8 * streak;
  if (erector < 1 && streak > 0.34) voxel.hounsfield = -40;  // fat between the bundles
  return true;
}

Voxel Torso::at(const Point& point) const {
  Voxel voxel;
  const Layer layer = this->layer(point);
  if (layer.depth < 0) {
    voxel.hounsfield = couch(point);
    return voxel;
  }
  const double strands = noise_.fractal(point.x * 12, point.y * 12, point.z * 12 + 4, 2);
  if (layer.depth < 0.014) {
    voxel.hounsfield = 20;
    return voxel;
  }
  if (spine(point, voxel) || rib(point, layer, voxel) || muscle(point, voxel)) return voxel;
  if (layer.depth < layer.fat) {
    voxel.hounsfield = kFat + 8 * strands + (std::abs(strands) < 0.012 ? 40 : 0);
    return voxel;
  }
  if (layer.depth < layer.wall) {
    // Three sheets with fat between them; the midline in front is tendon and fat.
    const double share = (layer.depth - layer.fat) / (layer.wall - layer.fat);
    const double wave = 0.08 * strands;
    const bool between =
        std::abs(share - 0.36 + wave) < 0.045 || std::abs(share - 0.68 - wave) < 0.035;
    const bool sides = layer.round > 0.25 && layer.round < 0.74 + 0.1 * strands;
    voxel.hounsfield = kMuscle + 6 * strands;
    if (between && sides) voxel.hounsfield = -25;
    if (layer.round > 0.972 && point.z > 0.5) voxel.hounsfield = kFat + 30;
    return voxel;
  }
  const Point organ{point.x, point.y, point.z - breath_};
  if (vessels(point, voxel) || chest(organ, layer, voxel) || kidneys(organ, voxel) ||
      stomach(organ, voxel) || liver(organ, layer, voxel) || spleen(organ, layer, voxel) ||
      pancreas(organ, voxel) || colon(point, layer, voxel) || small_bowel(point, layer, voxel)) {
    return voxel;
  }
  voxel.hounsfield = kFat + 7 * strands;
  if (tube(point, 9, 3) < 0.075) voxel.hounsfield = 120;  // vessels of the mesentery
  return voxel;
}

}  // namespace slicebank::phantom
