// Breast ultrasound from a curved probe: layers of tissue, speckle that grows coarser
// with depth, cysts that brighten and tumours that shadow what lies behind them.
//
// The echo is made on beams (angle by depth), as the scanner does, and then converted
// to the picture.
#include "bench/phantom_parts.h"

namespace slicebank::phantom {
namespace {

constexpr std::uint32_t kMaskPixelsMin = 12;
constexpr double kApexY = -1.75;     // of the probe's arc, above the picture
constexpr double kRadiusMin = 0.82;  // the probe's face
constexpr double kRadiusMax = 2.62;
constexpr double kSlopeMax = 0.62;  // tangent of the sector's half angle

enum class UltrasoundClass : std::uint32_t { tumor, cyst };

struct Finding {
  Ellipsoid shape;
  double ragged = 0;  // of the outline
  bool cyst = false;
};

class Breast {
 public:
  explicit Breast(std::uint64_t seed);
  // How strongly the tissue at a point scatters: 0 is black, 1 is ordinary gland.
  double echo(const Point& point, double depth) const;
  // Share of the sound that is lost in a step of one unit at the point.
  double loss(const Point& point, double depth) const;
  // 0 outside, else 1-based place in findings().
  std::size_t inside(const Point& point) const;
  const std::vector<Finding>& findings() const { return findings_; }

 private:
  double level(const Finding& finding, const Point& point) const;

  Noise noise_;
  double fat_;
  double gland_;
  std::vector<Finding> findings_;
};

Breast::Breast(std::uint64_t seed) : noise_(seed) {
  Dice dice(mix(seed, 4));
  fat_ = dice.between(0.16, 0.30);
  gland_ = dice.between(0.60, 0.72);
  const double kind = dice.unit();
  if (kind < 0.16) return;  // nothing to be found
  if (kind < 0.66) {
    const bool smooth = dice.chance(0.45);
    const double radius = dice.between(0.15, 0.29);
    findings_.push_back({{{dice.between(-0.3, 0.3), dice.between(-0.40, -0.08), 0},
                          {radius * (smooth ? 1.3 : 0.95), radius * (smooth ? 0.75 : 1.0), 1},
                          dice.between(-0.06, 0.06)},
                         smooth ? 0.10 : 0.42,
                         false});
  } else {
    const int count = dice.count(1, 4);
    for (int i = 0; i < count; ++i) {
      const double radius = dice.between(0.07, 0.17);
      const double share = count == 1 ? 0.5 : static_cast<double>(i) / (count - 1);
      findings_.push_back({{{mixed(-0.48, 0.48, share), dice.between(-0.42, -0.02), 0},
                            {radius * dice.between(1.0, 1.4), radius, 1},
                            dice.between(-0.05, 0.05)},
                           0.06,
                           true});
    }
  }
}

double Breast::level(const Finding& finding, const Point& point) const {
  const double smooth = finding.shape.level({point.x, point.y, 0});
  if (smooth > 2) return smooth;
  return smooth + finding.ragged * noise_.fractal(point.x * 7 + 4, point.y * 7, 3, 3);
}

std::size_t Breast::inside(const Point& point) const {
  for (std::size_t i = 0; i < findings_.size(); ++i) {
    if (level(findings_[i], point) < 1) return i + 1;
  }
  return 0;
}

double Breast::echo(const Point& point, double depth) const {
  for (const Finding& finding : findings_) {
    const double at = level(finding, point);
    if (at > 1.3) continue;
    if (finding.cyst) {
      if (at < 1) return 0.004 + 0.03 * ramp(0.85, 1.0, at);
      if (at < 1.08) return 1.6;
    } else if (at < 1) {
      return 0.11 + 0.07 * noise_.fractal(point.x * 11, point.y * 11, 9, 2);
    } else if (at < 1.12 && finding.ragged > 0.2) {
      return 1.5;  // the bright halo of a tumour that grows into its surroundings
    }
  }
  const double wave = noise_.fractal(point.x * 2.2, point.y * 1.5, 1, 2);
  const double fine = noise_.fractal(point.x * 8, point.y * 16, 5, 3);
  if (depth < 0.028) return 2.6;
  if (depth < 0.05) return 1.0;
  if (depth < gland_ + 0.05 * wave) {
    // Lobules of fat between bright septa, then gland with its ducts.
    const double septum = std::abs(noise_.fractal(point.x * 3.2, point.y * 6, 2, 2));
    const double fat = 0.26 + 0.10 * fine + 0.75 * ramp(0.07, 0.0, septum);
    const double duct = std::abs(noise_.fractal(point.x * 5, point.y * 11, 7, 2));
    const double gland = std::max(0.12, 0.85 + 0.8 * fine - 0.5 * ramp(0.06, 0.0, duct));
    const double edge = fat_ + 0.12 * wave + 0.05 * fine;
    return mixed(fat, gland, ramp(edge - 0.02, edge + 0.02, depth));
  }
  if (depth < gland_ + 0.03 + 0.05 * wave) return 1.7;  // fascia
  const double muscle_end = gland_ + 0.16 + 0.04 * wave;
  if (depth < muscle_end) {
    const double fibre = noise_.at(point.x * 4, point.y * 46 + 6 * wave, 8);
    return 0.30 + 0.35 * ramp(0.2, 0.8, fibre);
  }
  // Ribs: bright arcs, black behind.
  const double rib = sine(point.x * 0.9 + 0.13);
  if (std::abs(rib) > 0.78 && depth < muscle_end + 0.025) return 4.2;
  return depth < muscle_end + 0.02 ? 1.5 : 0.30 + 0.2 * fine;
}

double Breast::loss(const Point& point, double depth) const {
  for (const Finding& finding : findings_) {
    if (level(finding, point) > 1) continue;
    if (finding.cyst) return -2.0;  // the machine makes up for a loss that is not there
    return finding.ragged > 0.2 ? 4.5 : -0.5;
  }
  if (depth > 0.93 * gland_ + 0.14 && std::abs(sine(point.x * 0.9 + 0.13)) > 0.78) return 3.0;
  return 0.35;
}

// Blurs one axis of a (samples, beams) grid with 1 2 1, `passes` times.
void blur_axis(std::vector<double>& grid, std::size_t rows, std::size_t columns, bool across,
               int passes) {
  std::vector<double> source;
  const std::size_t step = across ? 1 : columns;
  for (int pass = 0; pass < passes; ++pass) {
    source = grid;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t column = 0; column < columns; ++column) {
        const std::size_t at = row * columns + column;
        const bool first = across ? column == 0 : row == 0;
        const bool last = across ? column + 1 == columns : row + 1 == rows;
        grid[at] =
            (source[first ? at : at - step] + 2 * source[at] + source[last ? at : at + step]) / 4;
      }
    }
  }
}

// The echo of every sample of every beam, compressed to 0..255.
std::vector<double> scan(const Breast& breast, std::uint64_t seed, std::uint32_t samples,
                         std::uint32_t beams) {
  std::vector<double> real(std::size_t{samples} * beams);
  std::vector<double> imaginary(real.size());
  for (std::uint32_t sample = 0; sample < samples; ++sample) {
    for (std::uint32_t beam = 0; beam < beams; ++beam) {
      const std::size_t at = std::size_t{sample} * beams + beam;
      real[at] = white(seed, beam, sample);
      imaginary[at] = white(mix(seed), beam, sample);
    }
  }
  for (auto* part : {&real, &imaginary}) {
    blur_axis(*part, samples, beams, false, 1);
    blur_axis(*part, samples, beams, true, 3);
  }
  std::vector<double> picture(real.size());
  for (std::uint32_t beam = 0; beam < beams; ++beam) {
    double strength = 1;
    const double slope = ((beam + 0.5) / beams * 2 - 1) * kSlopeMax;
    const double length = std::sqrt(1 + slope * slope);
    for (std::uint32_t sample = 0; sample < samples; ++sample) {
      const std::size_t at = std::size_t{sample} * beams + beam;
      const double depth = (sample + 0.5) / samples;
      const double radius = mixed(kRadiusMin, kRadiusMax, depth);
      const Point point{radius * slope / length, kApexY + radius / length, 0};
      // The machine amplifies deep echoes by what ordinary tissue takes away (0.35).
      const double step = (kRadiusMax - kRadiusMin) / samples;
      strength *= 1 - step * (breast.loss(point, depth) - 0.30);
      const double speckle = std::sqrt(square(real[at]) + square(imaginary[at])) * 2.6;
      const double amplitude = breast.echo(point, depth) * speckle * strength;
      // Strong compression, as the display's logarithm does.
      picture[at] = 118 * std::sqrt(std::sqrt(amplitude) * std::sqrt(amplitude + 0.02)) - 6;
    }
  }
  blur_axis(picture, samples, beams, true, 1);
  return picture;
}

}  // namespace

const std::vector<std::string>& ultrasound_classes() {
  static const std::vector<std::string> kNames = {"tumor", "cyst"};
  return kNames;
}

Picture paint_ultrasound(std::uint64_t seed, std::uint32_t subject, std::uint32_t view,
                         std::uint32_t side) {
  const std::uint64_t body = mix(mix(mix(seed, 0x05), subject), view);
  const Breast breast(body);
  const std::uint32_t samples = side;
  const std::uint32_t beams = side;
  const auto echo_sb = scan(breast, body, samples, beams);
  Picture picture(side, 1);
  for (std::uint32_t row = 0; row < side; ++row) {
    for (std::uint32_t column = 0; column < side; ++column) {
      const std::size_t at = std::size_t{row} * side + column;
      const Point point{(column + 0.5) / side * 2 - 1, (row + 0.5) / side * 2 - 1, 0};
      const double down = point.y - kApexY;
      const double radius = std::sqrt(square(point.x) + square(down));
      const double slope = point.x / down;
      const double sample = (radius - kRadiusMin) / (kRadiusMax - kRadiusMin) * samples - 0.5;
      const double beam = (slope / kSlopeMax + 1) / 2 * beams - 0.5;
      if (sample < 0 || sample >= samples - 1 || beam < 0 || beam >= beams - 1) {
        // Depth marks beside the sector.
        const bool mark = column + 1 + side / 64 >= side && row % (side / 8) == side / 16;
        picture.value_hwc[at] = mark ? 190 : 0;
        continue;
      }
      const auto s = static_cast<std::size_t>(sample);
      const auto b = static_cast<std::size_t>(beam);
      const double share_s = sample - static_cast<double>(s);
      const double share_b = beam - static_cast<double>(b);
      const double* corner = echo_sb.data() + s * beams + b;
      picture.value_hwc[at] = mixed(mixed(corner[0], corner[1], share_b),
                                    mixed(corner[beams], corner[beams + 1], share_b), share_s);
      const std::size_t found = breast.inside(point);
      if (found == 0) continue;
      const bool cyst = breast.findings()[found - 1].cyst;
      const auto name = cyst ? UltrasoundClass::cyst : UltrasoundClass::tumor;
      picture.mask(static_cast<std::uint32_t>(name), static_cast<std::uint32_t>(found - 1))[at] = 1;
    }
  }
  picture.finish_masks(kMaskPixelsMin);
  return picture;
}

}  // namespace slicebank::phantom
