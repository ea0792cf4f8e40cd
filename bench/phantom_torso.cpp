#include "bench/phantom_torso.h"

namespace slicebank::phantom {
namespace {

constexpr double kFat = -105;
constexpr double kMuscle = 58;
constexpr double kGas = -985;
constexpr double kVertebra = 0.17;  // height of a vertebra with its disc
constexpr double kRib = 0.16;       // from rib to rib
constexpr int kLastRib = 4;         // counted from the one that begins at z = 0

std::uint32_t bit(CtClass name) { return 1u << static_cast<std::uint32_t>(name); }

// Distance from a point to the segment a-b.
double to_segment(const Point& point, const Point& a, const Point& b) {
  const Point along{b.x - a.x, b.y - a.y, b.z - a.z};
  const Point from{point.x - a.x, point.y - a.y, point.z - a.z};
  const double length = square(along.x) + square(along.y) + square(along.z);
  const double share = clamp01((from.x * along.x + from.y * along.y + from.z * along.z) / length);
  return std::sqrt(square(from.x - share * along.x) + square(from.y - share * along.y) +
                   square(from.z - share * along.z));
}

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

double Torso::tube(const Point& point, double frequency, double offset) const {
  const double first = noise_.fractal(point.x * frequency + offset, point.y * frequency,
                                      point.z * frequency * 0.8, 2);
  const double second = noise_.fractal(point.x * frequency, point.y * frequency + offset + 11,
                                       point.z * frequency * 0.8 + 5, 2);
  return std::sqrt(square(first) + square(second));
}

bool Torso::vessels(const Point& point, Voxel& voxel) const {
  const double sway = 0.02 * sine(point.z * 0.4 + wobble_);
  const double y = spine_y_ - 0.165;
  const double aorta = std::sqrt(square(point.x - 0.05 - sway) + square(point.y - y)) /
                       (0.062 - 0.010 * ramp(0.6, 1.5, point.z));
  if (aorta < 1) {
    const double plaque = noise_.at(point.x * 22, point.y * 22, point.z * 9 + 3);
    const bool calcified = aorta > 0.84 && plaque > 1.02 - 0.45 * calcium_;
    voxel.hounsfield = calcified ? 720 : 178 + 5 * noise_.at(point.x * 8, point.y * 8, point.z);
    voxel.classes |= bit(CtClass::aorta);
    return true;
  }
  if (aorta < 1.12) {
    voxel.hounsfield = 30;
    return true;
  }
  const double cava = std::sqrt(square((point.x + 0.12 + sway) / 0.072) +
                                square((point.y - y - 0.015) / (0.05 + 0.01 * wobble_)));
  if (cava < 1 && point.z > 0.12) {
    voxel.hounsfield = 148 + 6 * noise_.at(point.x * 10, point.y * 10, point.z * 3);
    voxel.classes |= bit(CtClass::postcava);
    return true;
  }
  if (point.z < 0.6) return false;
  // Superior mesenteric artery and vein, and the renal vessels.
  const double ahead = 0.09 + 0.07 * ramp(0.65, 1.1, point.z);
  const double artery = std::sqrt(square(point.x - 0.045) + square(point.y - y + ahead));
  const double vein = std::sqrt(square(point.x + 0.03) + square(point.y - y + ahead + 0.01));
  if ((artery < 0.02 && point.z > 0.7) || (vein < 0.03 && point.z > 0.78)) {
    voxel.hounsfield = 165;
    return true;
  }
  for (const Ellipsoid& kidney : kidney_) {
    const double away = kidney.centre.x < 0 ? -1 : 1;
    const Point hilum{kidney.centre.x - away * 0.08, kidney.centre.y - 0.04, kidney.centre.z};
    const Point start{away < 0 ? -0.14 : 0.06, y + 0.03, kidney.centre.z - 0.03};
    if (to_segment(point, start, hilum) < 0.022) {
      voxel.hounsfield = 155;
      return true;
    }
  }
  return false;
}

double Torso::diaphragm(const Point& organ, const Layer& layer) const {
  const double middle = organ.x < 0 ? -0.36 : 0.38;
  const double top = organ.x < 0 ? 0.04 : 0.10;
  const double away = square((organ.x - middle) / 0.46) + square((organ.y + 0.03) / 0.44);
  // Deepest in the gutter behind the liver and the spleen.
  const double gutter = 0.30 * ramp(0.0, 0.35, organ.y) * ramp(0.16, 0.0, layer.depth - layer.wall);
  return top + 0.16 * std::min(away, 1.6) + gutter + 0.02 * noise_.at(organ.x * 4, organ.y * 4, 3);
}

bool Torso::chest(const Point& organ, const Layer& layer, Voxel& voxel) const {
  const double heart =
      heart_.level(organ) + 0.05 * noise_.fractal(organ.x * 5, organ.y * 5, organ.z * 5, 2);
  if (heart < 1.14 && organ.z < 0.2) {
    if (heart > 1) {
      voxel.hounsfield = kFat + 15;
      return true;
    }
    const Ellipsoid left{{0.24, -0.09, -0.12}, {0.15, 0.12, 0.24}, 0.07};
    const Ellipsoid right{{-0.04, -0.18, -0.12}, {0.15, 0.13, 0.24}, 0.10};
    const double uneven = 0.12 * noise_.fractal(organ.x * 14, organ.y * 14, organ.z * 10, 2);
    const bool blood = left.level(organ) + uneven < 1 || right.level(organ) + uneven < 1;
    voxel.hounsfield = blood ? 172 : 112 + 8 * uneven;
    return true;
  }
  const double gap = 0.06 + 0.05 * ramp(-0.05, 0.05, organ.y) + 0.06 * clamp01(-organ.y / 0.5) +
                     0.05 * noise_.at(organ.x * 3 + 1, organ.y * 5, organ.z * 4);
  if (organ.z > diaphragm(organ, layer)) return false;
  if (std::abs(organ.x - 0.01) < gap || layer.depth < layer.wall + 0.008) return false;
  const double haze = noise_.fractal(organ.x * 9, organ.y * 9, organ.z * 9, 3);
  // Vessels are thick near the root of the lung and thin out to the pleura.
  const double root = clamp01((layer.depth - layer.wall) / 0.30);
  const double coarse = tube(organ, 7, 2) / (0.03 + 0.05 * root);
  const double fine = tube(organ, 17, 6) / (0.045 + 0.06 * root);
  const double level = std::min(coarse, fine);
  voxel.hounsfield = -855 + 80 * organ.y + 25 * haze;
  if (level < 1) voxel.hounsfield = mixed(30, voxel.hounsfield, level * level);
  voxel.classes |= bit(organ.x < 0 ? CtClass::lung_right : CtClass::lung_left);
  return true;
}

bool Torso::kidneys(const Point& organ, Voxel& voxel) const {
  for (std::size_t side = 0; side < kidney_.size(); ++side) {
    const Ellipsoid& kidney = kidney_[side];
    const double away = side == 0 ? -1 : 1;
    // The upper pole leans to the spine.
    const Point here{organ.x + away * 0.16 * (kidney.centre.z - organ.z) + 0, organ.y, organ.z};
    const double lobes = noise_.fractal(organ.x * 9, organ.y * 9, organ.z * 9, 2);
    const double level = kidney.level(here) + 0.035 * lobes;
    if (level > 1.17) continue;
    if (level > 1) {
      const double strand = noise_.at(organ.x * 30, organ.y * 30, organ.z * 12);
      voxel.hounsfield = kFat + (strand > 0.75 ? 50 : 0);
      return true;
    }
    const Ellipsoid sinus{
        {kidney.centre.x - away * 0.075, kidney.centre.y - 0.025, kidney.centre.z},
        {0.095, 0.062, 0.17},
        side == 0 ? 0.06 : -0.06};
    const double hollow = sinus.level(here) + 0.16 * lobes;
    if (hollow < 1) {
      voxel.hounsfield = hollow < 0.5 ? 25 : kFat + 20;
      return true;
    }
    const double pyramid = noise_.at(organ.x * 17 + 4, organ.y * 17, organ.z * 17);
    const bool medulla = level < 0.80 && pyramid > -0.2;
    voxel.hounsfield = (medulla ? 150 : 200) + 8 * lobes;
    voxel.classes |=
        bit(side == 0 ? CtClass::kidney_right : CtClass::kidney_left) | bit(CtClass::union_kidneys);
    return true;
  }
  return false;
}

double Torso::liver_level(const Point& organ) const {
  // Levels of the three lobes, joined smoothly: their reciprocals add.
  double sum = 0;
  for (const Ellipsoid& lobe : liver_) {
    const double level = lobe.level(organ);
    sum += 1 / square(square(level * level) + 1e-9);
  }
  const double joined = 1 / std::sqrt(std::sqrt(std::sqrt(sum)));
  return joined + 0.07 * noise_.fractal(organ.x * 3.5, organ.y * 3.5, organ.z * 3.5 + 2, 2);
}

bool Torso::liver(const Point& organ, const Layer& layer, Voxel& voxel) const {
  const double bile = gallbladder_.level(organ);
  if (bile < 1) {
    voxel.hounsfield = bile > 0.86 ? 60 : 9;
    voxel.classes |= bit(CtClass::gallbladder);
    return true;
  }
  if (bile < 1.1 && organ.y > gallbladder_.centre.y) return false;
  if (layer.depth < layer.wall + 0.012 || organ.x > 0.34) return false;
  if (liver_level(organ) > 1) return false;
  const double fissure = organ.x + 0.07 - 0.25 * (organ.y + 0.3);
  if (std::abs(fissure) < 0.011 && organ.y < -0.10 && organ.z > 0.28) return false;

  voxel.classes |= bit(CtClass::liver);
  const double grainy = noise_.fractal(organ.x * 12, organ.y * 12, organ.z * 12, 2);
  voxel.hounsfield = 108 + 4 * grainy;
  const double coarse = tube(organ, 3.2, 1) / 0.085;
  const double fine = tube(organ, 6.5, 8) / 0.085;
  if (std::min(coarse, fine) < 1) voxel.hounsfield = 152;
  for (std::size_t i = 0; i < lesions_.size(); ++i) {
    const double level = lesions_[i].shape.level(organ) + 0.16 * grainy;
    if (level >= 1) continue;
    const double core = lesions_[i].hounsfield;
    voxel.hounsfield = level > 0.82 ? core + 22 : core + 8 * grainy - (level < 0.4 ? 12 : 0);
    voxel.classes |= bit(CtClass::liver_tumor);
    voxel.lesion = static_cast<std::uint32_t>(i + 1);
    break;
  }
  return true;
}

bool Torso::spleen(const Point& organ, const Layer& layer, Voxel& voxel) const {
  const double uneven = noise_.fractal(organ.x * 5, organ.y * 5, organ.z * 5 + 8, 2);
  const Ellipsoid hollow{{spleen_.centre.x - 0.17, spleen_.centre.y - 0.06, spleen_.centre.z},
                         {0.16, 0.22, 0.4},
                         -0.05};
  if (layer.depth < layer.wall + 0.014 || spleen_.level(organ) + 0.06 * uneven > 1) return false;
  if (hollow.level(organ) < 1) return false;
  voxel.hounsfield = 118 + 4 * uneven;
  voxel.classes |= bit(CtClass::spleen);
  return true;
}

bool Torso::stomach(const Point& organ, Voxel& voxel) const {
  const double folds = noise_.fractal(organ.x * 10, organ.y * 10, organ.z * 7, 2);
  const double level = std::min(stomach_[0].level(organ), stomach_[1].level(organ)) + 0.05 * folds;
  if (level > 1) return false;
  const double wall = 0.87 + 0.05 * folds;
  if (level > wall) {
    voxel.hounsfield = 82 + 10 * folds;
  } else if (organ.y < stomach_[0].centre.y - 0.04) {
    voxel.hounsfield = kGas;  // it rises to the front of who lies on the back
  } else {
    const double food = noise_.fractal(organ.x * 20, organ.y * 20, organ.z * 20, 3);
    voxel.hounsfield = 22 + (food > 0.3 ? 28 : 6 * food);
  }
  voxel.classes |= bit(CtClass::stomach);
  return true;
}

bool Torso::pancreas(const Point& organ, Voxel& voxel) const {
  const double lobules = noise_.fractal(organ.x * 26, organ.y * 26, organ.z * 20, 2);
  for (std::size_t i = 0; i + 1 < pancreas_.size(); ++i) {
    const double radius = i == 0 ? 0.062 : 0.046;
    if (to_segment(organ, pancreas_[i], pancreas_[i + 1]) + 0.016 * lobules > radius) continue;
    voxel.hounsfield = lobules < -0.42 ? -20 : 96 + 9 * lobules;
    voxel.classes |= bit(CtClass::pancreas);
    return true;
  }
  return false;
}

bool Torso::colon(const Point& point, const Layer& layer, Voxel& voxel) const {
  const double x = half_width_ - fat_ - 0.20;
  const Point bends[] = {{-x, 0.08, 1.9},   {-x, 0.02, 0.98},       {-0.25, -0.33, 0.88},
                         {0.2, -0.34, 0.8}, {x + 0.02, -0.05, 0.6}, {x + 0.03, 0.14, 0.95},
                         {x, 0.06, 1.9}};
  // Haustra: the radius swells along the way.
  const double radius = 0.082 + 0.016 * sine((point.x + point.y + point.z) * 7);
  double distance = 1;
  for (std::size_t i = 0; i + 1 < std::size(bends); ++i) {
    distance = std::min(distance, to_segment(point, bends[i], bends[i + 1]));
  }
  if (distance > radius || layer.depth < layer.wall + 0.01) return false;
  const double mottle = noise_.fractal(point.x * 24, point.y * 24, point.z * 24, 3);
  if (distance > radius - 0.016) {
    voxel.hounsfield = 70;
  } else if (mottle > 0.12 + 0.8 * (point.y + 0.1)) {
    voxel.hounsfield = -700 - 300 * clamp01(mottle);
  } else {
    voxel.hounsfield = 35 + 60 * mottle;
  }
  return true;
}

bool Torso::small_bowel(const Point& point, const Layer& layer, Voxel& voxel) const {
  if (point.z < 0.72 || layer.depth < layer.wall + 0.02 || point.y > spine_y_ - 0.08) return false;
  if (std::abs(point.x) > 0.62) return false;
  // Loops are cells around scattered centres.
  constexpr double kCell = 0.15;
  const double warp = 0.035;
  const double x = (point.x + warp * noise_.at(point.x * 7, point.y * 7, point.z * 7)) / kCell;
  const double y = (point.y + warp * noise_.at(point.x * 7 + 9, point.y * 7, point.z * 7)) / kCell;
  const double z = point.z / (kCell * 1.6);
  double nearest = 9;
  double second = 9;
  std::uint64_t loop = 0;
  Point from;
  for (int dz = -1; dz <= 1; ++dz) {
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const double cell_x = std::floor(x) + dx;
        const double cell_y = std::floor(y) + dy;
        const double cell_z = std::floor(z) + dz;
        const auto whole = [](double cell) {
          return static_cast<std::uint64_t>(static_cast<std::int64_t>(cell) + 64);
        };
        const std::uint64_t id =
            mix(seed_, whole(cell_x) | whole(cell_y) << 16 | whole(cell_z) << 32);
        Dice dice(id);
        const Point centre{cell_x + dice.between(0.15, 0.85), cell_y + dice.between(0.15, 0.85),
                           cell_z + dice.between(0.15, 0.85)};
        const double distance =
            std::sqrt(square(x - centre.x) + square(y - centre.y) + square(z - centre.z));
        if (distance < nearest) {
          second = nearest;
          nearest = distance;
          loop = id;
          from = centre;
        } else if (distance < second) {
          second = distance;
        }
      }
    }
  }
  Dice dice(mix(loop, 2));
  const double kind = dice.unit();
  // Distance to the outside of the loop: to its own round, and to its neighbour.
  const double own = dice.between(0.46, 0.58) - nearest;
  const double neighbour = (second - nearest) / 2 - 0.035;
  const double blend = clamp01(0.5 + (own - neighbour) / 0.24);
  const double inside = mixed(own, neighbour, blend) - 0.12 * blend * (1 - blend);
  if (inside < 0 || kind < 0.16) return false;
  const double feathery = noise_.at(point.x * 34, point.y * 34, point.z * 20);
  if (inside < 0.085 + 0.025 * feathery) {
    voxel.hounsfield = 96;
  } else if (kind < 0.30 && y < from.y) {
    voxel.hounsfield = kGas;
  } else {
    voxel.hounsfield = kind > 0.92 ? 215 : 28 + 16 * feathery;  // some with oral contrast
  }
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
