#include "bench/phantom_parts.h"

namespace slicebank::phantom {
namespace {

constexpr std::size_t kLatticeSide = 32;  // a power of two: coordinates wrap with a mask

// 0 to 1 with no first and second derivative at the ends.
double fade(double share) { return share * share * share * (share * (share * 6 - 15) + 10); }

std::size_t wrap(double cell) {
  return static_cast<std::size_t>(static_cast<std::int64_t>(cell)) & (kLatticeSide - 1);
}

}  // namespace

Noise::Noise(std::uint64_t seed) : lattice_(kLatticeSide * kLatticeSide * kLatticeSide) {
  Dice dice(seed);
  for (float& value : lattice_) value = static_cast<float>(dice.next() >> 40) * 0x1p-23f - 1.0f;
}

double Noise::at(double x, double y, double z) const {
  const double cell_x = std::floor(x);
  const double cell_y = std::floor(y);
  const double cell_z = std::floor(z);
  const double share_x = fade(x - cell_x);
  const double share_y = fade(y - cell_y);
  const double share_z = fade(z - cell_z);
  const std::size_t x0 = wrap(cell_x);
  const std::size_t x1 = (x0 + 1) & (kLatticeSide - 1);
  const std::size_t y0 = wrap(cell_y) * kLatticeSide;
  const std::size_t y1 = (y0 + kLatticeSide) & (kLatticeSide * kLatticeSide - 1);
  const std::size_t plane = kLatticeSide * kLatticeSide;
  const std::size_t z0 = wrap(cell_z) * plane;
  const std::size_t z1 = (z0 + plane) & (plane * kLatticeSide - 1);
  const auto row = [&](std::size_t start) {
    return mixed(static_cast<double>(lattice_[start + x0]),
                 static_cast<double>(lattice_[start + x1]), share_x);
  };
  return mixed(mixed(row(z0 + y0), row(z0 + y1), share_y),
               mixed(row(z1 + y0), row(z1 + y1), share_y), share_z);
}

double Noise::fractal(double x, double y, double z, int octaves) const {
  double sum = 0;
  double strength = 0.6;
  for (int octave = 0; octave < octaves; ++octave) {
    sum += strength * at(x, y, z);
    strength *= 0.5;
    // Twice the frequency, turned by the angle whose tangent is 3/4, and moved.
    const double turned_x = 1.6 * x - 1.2 * y + 5.3;
    const double turned_y = 1.2 * x + 1.6 * y + 9.1;
    x = turned_x;
    y = turned_y;
    z = 2 * z + 3.7;
  }
  return sum;
}

double white(std::uint64_t seed, std::uint32_t x, std::uint32_t y) {
  const std::uint64_t bits = mix(seed ^ (std::uint64_t{y} << 32 | x));
  // The sum of four uniform numbers has variance 1/3.
  const double sum = static_cast<double>(bits & 0xffff) + static_cast<double>(bits >> 16 & 0xffff) +
                     static_cast<double>(bits >> 32 & 0xffff) + static_cast<double>(bits >> 48);
  return (sum / 65536.0 - 2.0) * 1.7320508075688772;
}

double sine(double turns) {
  double share = turns - std::floor(turns);  // 0 to 1
  double sign = 1;
  if (share >= 0.5) {
    share -= 0.5;
    sign = -1;
  }
  if (share > 0.25) share = 0.5 - share;
  const double angle = share * 6.283185307179586;  // 0 to pi / 2
  const double s = angle * angle;
  // Taylor's series; the first term left out is below 4e-6.
  return sign * angle * (1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72))));
}

double direction(double x, double y) {
  const double across = std::abs(x);
  const double down = std::abs(y);
  if (across + down == 0) return 0;
  const bool steep = down > across;
  const double slope = steep ? across / down : down / across;
  // arctan(slope) / (2 pi), a quadratic that is right at 0 and 1.
  double turns = slope * (0.125 + 0.0437 * (1 - slope));
  if (steep) turns = 0.25 - turns;
  if (x < 0) turns = 0.5 - turns;
  return y < 0 ? 1 - turns : turns;
}

double to_segment(const Point& point, const Point& a, const Point& b) {
  const Point along{b.x - a.x, b.y - a.y, b.z - a.z};
  const Point from{point.x - a.x, point.y - a.y, point.z - a.z};
  const double length = square(along.x) + square(along.y) + square(along.z);
  const double share = clamp01((from.x * along.x + from.y * along.y + from.z * along.z) / length);
  return std::sqrt(square(from.x - share * along.x) + square(from.y - share * along.y) +
                   square(from.z - share * along.z));
}

double Ellipsoid::level(const Point& point) const {
  const double x = point.x - centre.x;
  const double y = point.y - centre.y;
  const double z = point.z - centre.z;
  const double s = turn == 0 ? 0 : sine(turn);
  const double c = turn == 0 ? 1 : cosine(turn);
  return std::sqrt(square((x * c + y * s) / radius.x) + square((y * c - x * s) / radius.y) +
                   square(z / radius.z));
}

std::vector<std::uint8_t>& Picture::mask(std::uint32_t class_index, std::uint32_t instance) {
  for (PaintedMask& mask : masks) {
    if (mask.class_index == class_index && mask.instance == instance) return mask.mask_hw;
  }
  masks.push_back({class_index, instance, std::vector<std::uint8_t>(std::size_t{side} * side)});
  return masks.back().mask_hw;
}

void Picture::finish_masks(std::uint32_t pixels_min) {
  const auto small = [&](const PaintedMask& mask) {
    return std::count(mask.mask_hw.begin(), mask.mask_hw.end(), std::uint8_t{1}) <
           static_cast<std::ptrdiff_t>(pixels_min);
  };
  masks.erase(std::remove_if(masks.begin(), masks.end(), small), masks.end());
  std::sort(masks.begin(), masks.end(), [](const PaintedMask& a, const PaintedMask& b) {
    return a.class_index != b.class_index ? a.class_index < b.class_index : a.instance < b.instance;
  });
}

void soften(std::vector<double>& value_hwc, std::uint32_t side, std::uint32_t channels,
            int passes) {
  const std::size_t step = channels;
  const std::size_t row = std::size_t{side} * channels;
  std::vector<double> source;
  for (int pass = 0; pass < passes; ++pass) {
    source = value_hwc;
    for (std::uint32_t y = 0; y < side; ++y) {
      for (std::uint32_t x = 0; x < side; ++x) {
        for (std::size_t channel = 0; channel < step; ++channel) {
          const std::size_t at = y * row + x * step + channel;
          const double before = source[x == 0 ? at : at - step];
          const double after = source[x + 1 == side ? at : at + step];
          value_hwc[at] = (before + 2 * source[at] + after) / 4;
        }
      }
    }
    source = value_hwc;
    for (std::uint32_t y = 0; y < side; ++y) {
      const std::size_t up = y == 0 ? 0 : row;
      const std::size_t down = y + 1 == side ? 0 : row;
      for (std::size_t at = y * row; at < (y + 1) * row; ++at) {
        value_hwc[at] = (source[at - up] + 2 * source[at] + source[at + down]) / 4;
      }
    }
  }
}

std::vector<double> grain(std::uint64_t seed, std::uint32_t side, int passes) {
  std::vector<double> noise(std::size_t{side} * side);
  for (std::uint32_t y = 0; y < side; ++y) {
    for (std::uint32_t x = 0; x < side; ++x) noise[std::size_t{y} * side + x] = white(seed, x, y);
  }
  soften(noise, side, 1, passes);
  double sum = 0;
  for (const double value : noise) sum += value * value;
  const double scale = sum > 0 ? 1 / std::sqrt(sum / static_cast<double>(noise.size())) : 0;
  for (double& value : noise) value *= scale;
  return noise;
}

}  // namespace slicebank::phantom
