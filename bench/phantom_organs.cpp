// The inner organs of the torso: vessels, chest, kidneys, liver, spleen and gut.
#include <iterator>

#include "bench/phantom_torso.h"

namespace slicebank::phantom {
namespace {

constexpr double kGas = -985;

}  // namespace

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

}  // namespace slicebank::phantom
