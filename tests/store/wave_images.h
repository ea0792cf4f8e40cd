// Images that drive the wavefront codec into its corners, made from a seed.
#pragma once

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank::testing {

enum class WavePattern {
  random,        // every residual large: full tiles, escapes in 16 bit
  constant,      // zero tiles only
  ramp,          // smooth along both axes
  checkerboard,  // smallest and largest value by turns
  specks,        // flat fields with rare other values: exceptions
  noise_low,     // crumbs and nibbles
  noise_middle,  // nibbles with raw bits
  stripes,       // columns alike: the north predictor
  bands,         // rows alike but for noise between them: the west predictor
  steps,         // large flat fields
  sparse,        // few values far apart: the rank map
  mixed,         // all of these side by side
};
inline constexpr int kWavePatterns = 12;

inline std::uint32_t wave_sample(WavePattern pattern, std::uint32_t x, std::uint32_t y,
                                 std::uint32_t channel, std::uint32_t scale, std::mt19937& random) {
  const auto noise = [&](std::uint32_t range) {
    return static_cast<std::uint32_t>(random() % range);
  };
  switch (pattern) {
    case WavePattern::random:
      return noise(65536);
    case WavePattern::constant:
      return 77 * scale;
    case WavePattern::ramp:
      return (x * 3 + y * 2 + channel * 5) * scale;
    case WavePattern::checkerboard:
      return ((x ^ y) & 1) != 0 ? 0xffff : 0;
    case WavePattern::specks:
      return noise(40) == 0 ? noise(65536) : 9;
    case WavePattern::noise_low:
      return 100 + noise(channel == 1 ? 3 : 12);
    case WavePattern::noise_middle:
      return 100 + noise(y % 48 < 24 ? 28 : 90);
    case WavePattern::stripes:
      return (x * 2654435761u >> 20) + (noise(60) == 0 ? 3 : 0);
    case WavePattern::bands:
      return (y * 2246822519u >> 20) + (noise(60) == 0 ? 3 : 0);
    case WavePattern::steps:
      return ((x / 9 + y / 7 + channel) % 3) * 60 * scale + (noise(97) == 0 ? 400 : 0);
    case WavePattern::sparse:
      return (x / 5 * (y / 4) % 11 + noise(2)) * 23;
    case WavePattern::mixed:
      return wave_sample(static_cast<WavePattern>((x / 24 + y / 16) % (kWavePatterns - 1)), x, y,
                         channel, scale, random);
  }
  return 0;
}

inline Image wave_image(PixelType type, std::uint32_t width, std::uint32_t height,
                        std::uint32_t channels, WavePattern pattern, std::uint32_t seed) {
  std::mt19937 random(seed);
  Image image{{type, height, width, channels}, {}};
  image.image_hwc.resize(image.shape.bytes());
  const std::size_t size = pixel_bytes(type);
  const std::uint32_t scale = size == 2 ? 257 : 1;
  std::size_t at = 0;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      for (std::uint32_t channel = 0; channel < channels; ++channel) {
        const std::uint32_t value = wave_sample(pattern, x, y, channel, scale, random);
        std::memcpy(image.image_hwc.data() + at, &value, size);
        at += size;
      }
    }
  }
  return image;
}

inline std::string wave_case(const Image& image, WavePattern pattern, std::uint32_t seed) {
  return std::string(pixel_type_name(image.shape.pixel_type)) + " " +
         std::to_string(image.shape.width) + "x" + std::to_string(image.shape.height) + "x" +
         std::to_string(image.shape.channels) + " pattern " +
         std::to_string(static_cast<int>(pattern)) + " seed " + std::to_string(seed);
}

}  // namespace slicebank::testing
