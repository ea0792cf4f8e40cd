// Samples made from a seed, for tests that care about bytes rather than about pictures.
#pragma once

#include <algorithm>
#include <bit>
#include <random>
#include <vector>

#include "schema/record_layout.h"
#include "schema/sample.h"
#include "store/record.h"

namespace slicebank::testing {

inline constexpr BankUuid kBank = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

inline constexpr PixelType kPixelTypes[] = {PixelType::u8,  PixelType::i8,  PixelType::u16,
                                            PixelType::i16, PixelType::u32, PixelType::i32,
                                            PixelType::f16, PixelType::f32, PixelType::f64};

// What an image's values look like.
enum class Texture { smooth, noise, flat, extremes };

// The same numbers on every machine: a mt19937_64 is specified to the bit, the standard
// distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t bits() { return engine_(); }
  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(engine_() % bound); }

 private:
  std::mt19937_64 engine_;
};

inline std::uint64_t pixel_bits(PixelType type, std::int64_t value) {
  switch (type) {
    case PixelType::f16:  // any pattern is a number, or a NaN
      return static_cast<std::uint64_t>(value + 0x3c00) & 0xffff;
    case PixelType::f32:
      return std::bit_cast<std::uint32_t>(static_cast<float>(value));
    case PixelType::f64:
      return std::bit_cast<std::uint64_t>(static_cast<double>(value));
    default:
      return static_cast<std::uint64_t>(value);
  }
}

inline Image make_image(const ImageShape& shape, Texture texture, std::uint64_t seed) {
  Random random(seed);
  Image image{shape, std::vector<std::byte>(static_cast<std::size_t>(shape.bytes()))};
  const std::size_t size = pixel_bytes(shape.pixel_type);
  std::size_t at = 0;
  for (std::uint32_t y = 0; y < shape.height; ++y) {
    for (std::uint32_t x = 0; x < shape.width; ++x) {
      for (std::uint32_t c = 0; c < shape.channels; ++c, at += size) {
        std::uint64_t bits = 0;
        switch (texture) {
          case Texture::smooth:
            bits = pixel_bits(shape.pixel_type,
                              std::int64_t{x / 3 + y / 2 + c * 5} % 100 + random.below(3) - 20);
            break;
          case Texture::noise:
            bits = random.bits();
            break;
          case Texture::flat:
            bits = pixel_bits(shape.pixel_type, 77);
            break;
          case Texture::extremes:
            bits = (x + y + c) % 2 == 0 ? 0 : ~std::uint64_t{0};
            break;
        }
        for (std::size_t i = 0; i < size; ++i) {
          image.image_hwc[at + i] = static_cast<std::byte>(bits >> (8 * i) & 0xff);
        }
      }
    }
  }
  return image;
}

// A disc, which may lie partly or wholly outside.
inline Mask make_disc(std::uint32_t height, std::uint32_t width, double centre_y, double centre_x,
                      double radius) {
  Mask mask;
  mask.mask_hw.resize(std::size_t{height} * width);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const double down = y - centre_y;
      const double right = x - centre_x;
      const bool inside = down * down + right * right <= radius * radius;
      mask.mask_hw[std::size_t{y} * width + x] = inside ? 1 : 0;
    }
  }
  return mask;
}

// Every pixel foreground with a probability of `share` in 256.
inline Mask make_noise_mask(std::uint32_t height, std::uint32_t width, std::uint32_t share,
                            Random& random) {
  Mask mask;
  mask.mask_hw.resize(std::size_t{height} * width);
  for (auto& pixel : mask.mask_hw) pixel = random.below(256) < share ? 1 : 0;
  return mask;
}

// An image of the shape with two overlapping discs, an empty mask, noise and two labels.
inline Sample make_sample(const ImageShape& shape, std::uint64_t seed) {
  Random random(seed);
  Sample sample;
  sample.axis = Axis::z;
  sample.slice_index = 17;
  sample.name = "case_0007";
  sample.image = make_image(shape, Texture::smooth, seed);
  // Whole numbers, whose squares are exact on every machine.
  const std::uint32_t side = std::min(shape.height, shape.width);
  sample.masks.push_back(make_disc(shape.height, shape.width, side / 2, side / 2, side / 3));
  sample.masks.push_back(make_disc(shape.height, shape.width, side / 3, side / 2, side / 5));
  sample.masks.push_back(make_disc(shape.height, shape.width, -1000, 0, 1));
  sample.masks.push_back(make_noise_mask(shape.height, shape.width, 128, random));
  for (std::size_t i = 0; i < sample.masks.size(); ++i) {
    sample.masks[i].class_id = static_cast<ClassId>(i < 2 ? 5 : 1000 + i);
    sample.masks[i].raw_class = static_cast<std::uint32_t>(i / 2 + 1);
    sample.masks[i].instance = static_cast<std::uint32_t>(i);
    sample.masks[i].source_value = i == 3 ? 1 : 255;
  }
  sample.labels.push_back({ClassId{9}, 3, 1.0});
  sample.labels.push_back({ClassId{10}, 4, -0.25});
  return sample;
}

inline std::vector<std::byte> sealed(const Sample& sample, SampleId id,
                                     const CodecOptions& options = {}) {
  return seal_record(kBank, id, VolumeId{3}, encode_sample(sample, options));
}

}  // namespace slicebank::testing
