// Fundus photographs: a round view of the retina with its vessels, the optic disc and
// cup, and in most eyes hard exudates and small haemorrhages.
#include <array>

#include "bench/phantom_parts.h"

namespace slicebank::phantom {
namespace {

constexpr std::uint32_t kMaskPixelsMin = 3;  // exudates are small
constexpr double kView = 0.95;               // radius of the camera's round view

enum class FundusClass : std::uint32_t { disc, cup, exudate, haemorrhage };

using Colour = std::array<double, 3>;

struct Spot {
  double x = 0;
  double y = 0;
  double radius = 0;
};

class Eye {
 public:
  Eye(std::uint64_t seed, bool left, std::uint32_t side);
  void paint(Picture& picture) const;

 private:
  void grow(double x, double y, double heading, double width, bool artery, int generation,
            double bend);
  void stamp(double x, double y, double width, bool artery);
  Colour background(double x, double y) const;
  // 1 at the centre of a spot, 0 at its ragged edge and outside.
  double spot(const Spot& spot, double x, double y) const;
  double disc_level(double x, double y) const;
  double cup_level(double x, double y) const;

  Dice dice_;
  Noise noise_;
  std::uint32_t side_;
  double disc_x_;
  double disc_y_;
  double disc_radius_;
  double cup_share_;
  double macula_x_;
  Colour tone_;
  std::vector<double> vessel_hw_;  // how much light a vessel takes, 0 to 1
  std::vector<double> reflex_hw_;  // the bright line along an artery
  std::vector<Spot> exudates_;
  std::vector<Spot> haemorrhages_;
};

Eye::Eye(std::uint64_t seed, bool left, std::uint32_t side)
    : dice_(seed),
      noise_(mix(seed, 3)),
      side_(side),
      vessel_hw_(std::size_t{side} * side),
      reflex_hw_(std::size_t{side} * side) {
  const double nasal = left ? -1 : 1;  // the disc lies toward the nose
  disc_x_ = nasal * dice_.between(0.36, 0.46);
  disc_y_ = dice_.between(-0.06, 0.06);
  disc_radius_ = dice_.between(0.125, 0.15);
  cup_share_ = dice_.between(0.35, 0.68);
  macula_x_ = disc_x_ - nasal * 4.6 * disc_radius_;
  const double pigment = dice_.unit();
  tone_ = {mixed(214, 178, pigment), mixed(116, 76, pigment), mixed(62, 36, pigment)};

  // Four arcades, an artery and a vein each; the temporal ones bend around the macula.
  for (int arcade = 0; arcade < 4; ++arcade) {
    const double up = arcade < 2 ? -1 : 1;
    const double toward = arcade % 2 == 0 ? -nasal : nasal;
    for (const bool artery : {true, false}) {
      const double spread =
          (arcade % 2 == 0 ? 0.19 : 0.13) + dice_.between(-0.02, 0.02) + (artery ? 0.025 : -0.02);
      double heading = spread * up;             // turns from +x
      if (toward < 0) heading = 0.5 - heading;  // mirrored
      const double bend = up * toward * -(arcade % 2 == 0 ? 0.115 : 0.03);
      grow(disc_x_ + 0.02 * toward, disc_y_ + 0.03 * up, heading,
           (artery ? 0.0135 : 0.0175) * dice_.between(0.9, 1.1), artery, 0, bend);
    }
  }
  if (dice_.chance(0.72)) {
    const int clusters = dice_.count(1, 3);
    for (int cluster = 0; cluster < clusters; ++cluster) {
      const double turn = dice_.unit();
      const double away = dice_.between(0.14, 0.42);
      const double x = macula_x_ + away * cosine(turn);
      const double y = away * sine(turn);
      const int count = dice_.count(3, 9);
      for (int i = 0; i < count; ++i) {
        exudates_.push_back({x + dice_.between(-0.11, 0.11), y + dice_.between(-0.11, 0.11),
                             dice_.between(0.010, 0.034)});
      }
    }
    const int bleedings = dice_.count(0, 7);
    for (int i = 0; i < bleedings; ++i) {
      haemorrhages_.push_back(
          {dice_.between(-0.6, 0.6), dice_.between(-0.6, 0.6), dice_.between(0.014, 0.04)});
    }
  }
}

// One vessel, step by step; it thins, wanders, bends by `bend` turns a unit, and forks.
void Eye::grow(double x, double y, double heading, double width, bool artery, int generation,
               double bend) {
  constexpr double kStep = 0.006;
  constexpr double kWidthMin = 0.0016;
  double since_fork = 0;
  const double phase = dice_.unit();
  for (int step = 0; step < 420 && width > kWidthMin; ++step) {
    stamp(x, y, width, artery);
    const double wander = noise_.at(step * 0.045 + phase * 31, generation * 3.7, width * 900);
    heading += kStep * (bend + 0.55 * wander);
    x += kStep * cosine(heading);
    y += kStep * sine(heading);
    if (square(x) + square(y) > square(kView + 0.03)) return;
    // Nothing crosses the macula.
    if (square(x - macula_x_) + square(y) < square(0.115)) return;
    width *= 1 - 0.45 * kStep;
    since_fork += kStep;
    if (generation < 5 && since_fork > 0.10 && dice_.chance(0.045)) {
      since_fork = 0;
      const double side = dice_.chance(0.5) ? 1 : -1;
      const double share = dice_.between(0.45, 0.78);
      grow(x, y, heading + side * dice_.between(0.07, 0.15), width * share, artery, generation + 1,
           side * -0.06);
      heading -= side * 0.02;
      width *= std::sqrt(1 - 0.4 * share * share);
    }
  }
}

void Eye::stamp(double x, double y, double width, bool artery) {
  const double scale = side_ / 2.0;
  const double centre_x = (x + 1) * scale - 0.5;
  const double centre_y = (y + 1) * scale - 0.5;
  const double radius = width * scale;
  const double reach = radius + 1;
  const double side = side_;
  if (centre_x - reach < 0 || centre_y - reach < 0 || centre_x + reach >= side - 1 ||
      centre_y + reach >= side - 1) {
    return;
  }
  const auto left = static_cast<std::uint32_t>(centre_x - reach);
  const auto top = static_cast<std::uint32_t>(centre_y - reach);
  const auto right = static_cast<std::uint32_t>(centre_x + reach + 1);
  const auto bottom = static_cast<std::uint32_t>(centre_y + reach + 1);
  for (std::uint32_t row = top; row <= bottom; ++row) {
    for (std::uint32_t column = left; column <= right; ++column) {
      const double distance = std::sqrt(square(column - centre_x) + square(row - centre_y));
      // A vessel thinner than a pixel covers less of it.
      const double cover = clamp01(radius + 0.5 - distance) * std::min(1.0, 0.35 + radius);
      const std::size_t at = std::size_t{row} * side_ + column;
      vessel_hw_[at] = std::max(vessel_hw_[at], cover * (artery ? 0.66 : 0.92));
      if (artery && radius > 1.2 && distance < 0.35 * radius) reflex_hw_[at] = 1;
    }
  }
}

double Eye::spot(const Spot& spot, double x, double y) const {
  const double away = std::sqrt(square(x - spot.x) + square(y - spot.y)) / spot.radius;
  if (away > 1.7) return 0;
  const double ragged = 0.55 * noise_.fractal(x * 26, y * 26, spot.radius * 300, 2);
  return clamp01(1 - away - ragged);
}

double Eye::disc_level(double x, double y) const {
  const double uneven = 1 + 0.05 * noise_.at(x * 7, y * 7, 2);
  return std::sqrt(square((x - disc_x_) / 0.92) + square((y - disc_y_) / 1.08)) /
         (disc_radius_ * uneven);
}

double Eye::cup_level(double x, double y) const {
  const double shift = 0.10 * disc_radius_ * (disc_x_ > 0 ? -1 : 1);
  const double uneven = 1 + 0.10 * noise_.at(x * 9, y * 9, 6);
  return std::sqrt(square(x - disc_x_ - shift) + square((y - disc_y_) / 1.1)) /
         (disc_radius_ * cup_share_ * uneven);
}

Colour Eye::background(double x, double y) const {
  const double from_disc = std::sqrt(square(x - disc_x_) + square(y - disc_y_));
  const double from_macula = std::sqrt(square(x - macula_x_) + square(y));
  const double from_centre = std::sqrt(square(x) + square(y));
  // The vessels of the choroid shine through where there is little pigment.
  const double first = noise_.fractal(x * 7, y * 7, 4, 2);
  const double second = noise_.fractal(x * 7 + 8, y * 7, 11, 2);
  const double choroid = ramp(0.22, 0.02, std::abs(first)) + ramp(0.22, 0.02, std::abs(second));
  const double mottle = noise_.fractal(x * 30, y * 30, 8, 3);
  double light = 0.86 + 0.16 * ramp(0.7, 0.1, from_disc) - 0.34 * ramp(0.35, kView, from_centre);
  light += 0.035 * mottle + 0.03 * choroid * ramp(0.2, 0.6, from_macula);
  light += 0.05 * noise_.fractal(x * 1.6, y * 1.6, 1, 2);
  // Nerve fibres glisten above and below the disc.
  const double fibres = noise_.at((x - disc_x_) * 6, (y - disc_y_) * 60, 3);
  light += 0.02 * fibres * ramp(0.5, 0.2, from_disc);
  const double macula = ramp(0.26, 0.0, from_macula);
  const double fovea = ramp(0.05, 0.0, from_macula);
  light *= 1 - 0.34 * macula - 0.12 * fovea;
  Colour colour;
  const Colour redden{1.0, 1 - 0.16 * macula, 1 - 0.22 * macula};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    colour[channel] = tone_[channel] * light * redden[channel];
  }
  return colour;
}

void blend(Colour& colour, const Colour& target, double share) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    colour[channel] = mixed(colour[channel], target[channel], share);
  }
}

void mark(Picture& picture, FundusClass name, std::uint32_t instance, std::size_t at) {
  picture.mask(static_cast<std::uint32_t>(name), instance)[at] = 1;
}

void Eye::paint(Picture& picture) const {
  for (std::uint32_t row = 0; row < side_; ++row) {
    for (std::uint32_t column = 0; column < side_; ++column) {
      const std::size_t at = std::size_t{row} * side_ + column;
      const double x = (column + 0.5) / side_ * 2 - 1;
      const double y = (row + 0.5) / side_ * 2 - 1;
      const double from_centre = std::sqrt(square(x) + square(y));
      if (from_centre > kView || std::abs(y) > 0.86) {
        for (std::size_t channel = 0; channel < 3; ++channel) {
          picture.value_hwc[at * 3 + channel] = 2.0 + (channel == 0 ? 2 : 0);
        }
        continue;
      }
      Colour colour = background(x, y);
      const double disc = disc_level(x, y);
      const double cup = cup_level(x, y);
      blend(colour, {168, 92, 52}, 0.5 * ramp(1.22, 1.08, disc) * ramp(0.9, 1.05, disc));
      blend(colour, {244, 178, 104}, ramp(1.06, 0.93, disc));
      blend(colour, {253, 226, 170}, 0.9 * ramp(1.12, 0.8, cup));
      for (std::size_t i = 0; i < haemorrhages_.size(); ++i) {
        const double level = spot(haemorrhages_[i], x, y);
        if (level <= 0) continue;
        blend(colour, {96, 18, 14}, 0.85 * ramp(0.0, 0.3, level));
        mark(picture, FundusClass::haemorrhage, static_cast<std::uint32_t>(i), at);
      }
      const double vessel = vessel_hw_[at];
      colour[0] *= 1 - 0.34 * vessel;
      colour[1] *= 1 - 0.62 * vessel;
      colour[2] *= 1 - 0.55 * vessel;
      if (reflex_hw_[at] > 0) blend(colour, {226, 120, 74}, 0.4);
      for (std::size_t i = 0; i < exudates_.size(); ++i) {
        const double level = spot(exudates_[i], x, y);
        if (level <= 0) continue;
        blend(colour, {250, 232, 140}, 0.9 * ramp(0.0, 0.35, level));
        mark(picture, FundusClass::exudate, static_cast<std::uint32_t>(i), at);
      }
      if (disc < 1) mark(picture, FundusClass::disc, 0, at);
      if (disc < 1 && cup < 1) mark(picture, FundusClass::cup, 0, at);
      const double rim = ramp(kView, kView - 0.02, from_centre);
      for (std::size_t channel = 0; channel < 3; ++channel) {
        picture.value_hwc[at * 3 + channel] = colour[channel] * rim;
      }
    }
  }
}

}  // namespace

const std::vector<std::string>& fundus_classes() {
  static const std::vector<std::string> kNames = {"optic_disc", "optic_cup", "hard_exudate",
                                                  "haemorrhage"};
  return kNames;
}

Picture paint_fundus(std::uint64_t seed, std::uint32_t subject, std::uint32_t eye,
                     std::uint32_t side) {
  const std::uint64_t body = mix(mix(mix(seed, 0xF0), subject), eye);
  Picture picture(side, 3);
  Eye(body, eye % 2 == 0, side).paint(picture);
  if (side >= 96) soften(picture.value_hwc, side, 3, side >= 384 ? 2 : 1);
  // A sensor with a colour filter: noise of the channels is alike, not equal.
  const auto common = grain(body, side, 1);
  for (std::uint64_t channel = 0; channel < 3; ++channel) {
    const auto own = grain(mix(body, channel + 1), side, 0);
    for (std::size_t at = 0; at < own.size(); ++at) {
      double& value = picture.value_hwc[at * 3 + channel];
      value += std::sqrt(std::max(0.0, value)) * 0.11 * (common[at] + 0.7 * own[at]);
    }
  }
  picture.finish_masks(kMaskPixelsMin);
  return picture;
}

}  // namespace slicebank::phantom
