// The anatomy behind the CT phantom: a trunk in three dimensions, asked point by point.
//
// One unit is 200 mm. x grows to the patient's left (the image's right), y backward, z
// downward from the domes of the diaphragm. Portal venous contrast.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "bench/phantom_parts.h"

namespace slicebank::phantom {

// Places in ct_classes().
enum class CtClass : std::uint32_t {
  liver,
  spleen,
  kidney_left,
  kidney_right,
  aorta,
  postcava,
  stomach,
  gallbladder,
  pancreas,
  lung_left,
  lung_right,
  vertebrae,
  liver_tumor,
  union_kidneys,
};

constexpr std::uint32_t bit(CtClass name) { return 1u << static_cast<std::uint32_t>(name); }

inline constexpr double kFat = -105;  // Hounsfield units

// What is at a point: `classes` has bit 1 << CtClass for each structure it belongs to.
struct Voxel {
  double hounsfield = -1000;
  std::uint32_t classes = 0;
  std::uint32_t lesion = 0;  // 1-based, where liver_tumor is set
};

class Torso {
 public:
  // `time` is the share of a breath.
  Torso(std::uint64_t seed, double time);
  Voxel at(const Point& point) const;

 private:
  // Where a point lies in the layers of the trunk.
  struct Layer {
    double depth = 0;  // below the skin, along the radius
    double fat = 0;    // depth at which the fat below the skin ends
    double wall = 0;   // depth at which the wall's muscle ends
    double round = 0;  // 0 at the back, 1 at the front, around the trunk
  };
  struct Lesion {
    Ellipsoid shape;
    double hounsfield = 0;
  };

  Layer layer(const Point& point) const;
  double couch(const Point& point) const;
  bool spine(const Point& point, Voxel& voxel) const;
  bool rib(const Point& point, const Layer& layer, Voxel& voxel) const;
  bool muscle(const Point& point, Voxel& voxel) const;
  bool vessels(const Point& point, Voxel& voxel) const;
  bool chest(const Point& organ, const Layer& layer, Voxel& voxel) const;
  bool kidneys(const Point& organ, Voxel& voxel) const;
  bool liver(const Point& organ, const Layer& layer, Voxel& voxel) const;
  bool spleen(const Point& organ, const Layer& layer, Voxel& voxel) const;
  bool stomach(const Point& organ, Voxel& voxel) const;
  bool pancreas(const Point& organ, Voxel& voxel) const;
  bool colon(const Point& point, const Layer& layer, Voxel& voxel) const;
  bool small_bowel(const Point& point, const Layer& layer, Voxel& voxel) const;
  double diaphragm(const Point& organ, const Layer& layer) const;
  double liver_level(const Point& organ) const;
  // Small where two noise fields are both near 0: along winding tubes.
  double tube(const Point& point, double frequency, double offset) const;

  std::uint64_t seed_;
  Noise noise_;
  double half_width_;
  double half_depth_;
  double fat_;
  double spine_y_;
  double breath_;
  double calcium_;
  double wobble_;
  Ellipsoid heart_;
  std::array<Ellipsoid, 3> liver_;
  Ellipsoid gallbladder_;
  Ellipsoid spleen_;
  std::array<Ellipsoid, 2> stomach_;
  std::array<Ellipsoid, 2> kidney_;  // the patient's right, then left
  std::array<Point, 5> pancreas_;
  std::vector<Lesion> lesions_;
};

}  // namespace slicebank::phantom
