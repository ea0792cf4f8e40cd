// What the painters of the phantom share: noise, shapes, and the picture they fill.
//
// Only + - * / sqrt and floor on doubles, compiled without contraction and without fast
// math, so that every machine paints the same pixels. No sin, exp or pow of libm.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::phantom {

// splitmix64's finisher: a well mixed number from any number.
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ull;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

constexpr std::uint64_t mix(std::uint64_t first, std::uint64_t second) {
  return mix(mix(first) ^ second);
}

// A stream of random numbers that depends on its seed only.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(mix(seed)) {}
  std::uint64_t next() { return state_ = mix(state_); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }  // [0, 1)
  double between(double low, double high) { return low + (high - low) * unit(); }
  bool chance(double probability) { return unit() < probability; }
  int count(int low, int high) {  // low <= result <= high
    return low + static_cast<int>(next() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::uint64_t state_;
};

// Smooth value noise in three dimensions: one feature per unit, about -1 to 1. The
// lattice repeats every 32 units.
class Noise {
 public:
  explicit Noise(std::uint64_t seed);
  double at(double x, double y, double z) const;
  // Octaves of doubled frequency and halved strength, turned against each other so
  // that the lattice does not show.
  double fractal(double x, double y, double z, int octaves) const;

 private:
  std::vector<float> lattice_;
};

// Independent of everything, one number a pixel, roughly normal with deviation 1.
double white(std::uint64_t seed, std::uint32_t x, std::uint32_t y);

inline double square(double value) { return value * value; }
inline double mixed(double from, double to, double share) { return from + (to - from) * share; }
inline double clamp01(double value) { return std::clamp(value, 0.0, 1.0); }
// 0 below `low`, 1 above `high`, smooth between.
inline double ramp(double low, double high, double value) {
  const double share = clamp01((value - low) / (high - low));
  return share * share * (3 - 2 * share);
}
// sin and cos of a share of the full turn.
double sine(double turns);
inline double cosine(double turns) { return sine(turns + 0.25); }
// The direction of (x, y) in turns, 0 to 1, 0 along +x; monotonous, right at the eight
// principal directions and within a 200th of a turn elsewhere.
double direction(double x, double y);

// A point in patient space: x to the image's right, y down, z along the axis.
struct Point {
  double x = 0;
  double y = 0;
  double z = 0;
};

// Distance from a point to the segment a-b.
double to_segment(const Point& point, const Point& a, const Point& b);

// An ellipsoid; level() is 0 at the centre, 1 on the surface. Turned by `turn` in the
// x-y plane.
struct Ellipsoid {
  Point centre;
  Point radius;
  double turn = 0;
  double level(const Point& point) const;
};

struct PaintedMask {
  std::uint32_t class_index = 0;  // place in class_names(kind)
  std::uint32_t instance = 0;
  std::vector<std::uint8_t> mask_hw;
};

// What a painter makes: brightness (0 to 255, or Hounsfield units) and masks.
struct Picture {
  Picture(std::uint32_t side_, std::uint32_t channels_)
      : side(side_), channels(channels_), value_hwc(std::size_t{side_} * side_ * channels_) {}

  std::uint32_t side;
  std::uint32_t channels;
  std::vector<double> value_hwc;
  std::vector<PaintedMask> masks;

  // The mask of (class, instance), made empty when it is new.
  std::vector<std::uint8_t>& mask(std::uint32_t class_index, std::uint32_t instance = 0);
  // Drops masks of fewer than `pixels_min` pixels and sorts by (class, instance).
  void finish_masks(std::uint32_t pixels_min);
};

// Blurs with the kernel 1 2 1 in both directions, `passes` times; `channels` planes are
// interleaved.
void soften(std::vector<double>& value_hwc, std::uint32_t side, std::uint32_t channels, int passes);

// White noise of a slice made as coarse as `passes` blurs, deviation 1 again.
std::vector<double> grain(std::uint64_t seed, std::uint32_t side, int passes);

// Where a slice is cut: position 0 to 1 along the axis.
struct Cut {
  Axis axis = Axis::z;
  double position = 0;
};

// The painters. `subject` seeds the anatomy, the cut chooses the slice; `time` moves
// what breathes or beats (0 to 1, a share of the cycle).
Picture paint_ct(std::uint64_t seed, std::uint32_t subject, const Cut& cut, double time,
                 std::uint32_t side);  // Hounsfield units, one channel
enum class Sequence { t1ce, flair, t2 };
Picture paint_mr(std::uint64_t seed, std::uint32_t subject, const Cut& cut, Sequence sequence,
                 std::uint32_t side);
Picture paint_fundus(std::uint64_t seed, std::uint32_t subject, std::uint32_t eye,
                     std::uint32_t side);  // three channels
Picture paint_ultrasound(std::uint64_t seed, std::uint32_t subject, std::uint32_t view,
                         std::uint32_t side);

// Names as each painter numbers its classes.
const std::vector<std::string>& ct_classes();
const std::vector<std::string>& mr_classes();
const std::vector<std::string>& fundus_classes();
const std::vector<std::string>& ultrasound_classes();

}  // namespace slicebank::phantom
