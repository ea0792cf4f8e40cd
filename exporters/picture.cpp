#include "exporters/picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "exporters/internal/font.h"
#include "schema/error.h"

namespace slicebank {
namespace {

constexpr std::uint32_t kRgb = 3;

Image black(std::uint32_t width, std::uint32_t height) {
  Image image{{PixelType::u8, height, width, kRgb}, {}};
  check_shape(image.shape, "picture");
  image.image_hwc.resize(image.shape.bytes());
  return image;
}

double half_to_double(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent == 0x1f) {
    value = fraction == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  } else {
    value = std::ldexp(fraction | 0x400, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

template <typename Pixel>
double load(const std::byte* at) {
  Pixel pixel;
  std::memcpy(&pixel, at, sizeof pixel);
  return static_cast<double>(pixel);
}

double value_at(PixelType type, const std::byte* at) {
  switch (type) {
    case PixelType::u8:
      return load<std::uint8_t>(at);
    case PixelType::i8:
      return load<std::int8_t>(at);
    case PixelType::u16:
      return load<std::uint16_t>(at);
    case PixelType::i16:
      return load<std::int16_t>(at);
    case PixelType::u32:
      return load<std::uint32_t>(at);
    case PixelType::i32:
      return load<std::int32_t>(at);
    case PixelType::f16: {
      std::uint16_t bits = 0;
      std::memcpy(&bits, at, sizeof bits);
      return half_to_double(bits);
    }
    case PixelType::f32:
      return load<float>(at);
    case PixelType::f64:
      return load<double>(at);
  }
  return 0;
}

struct Stretch {
  double low = 0;
  double high = 0;

  std::byte operator()(double value) const {
    if (!(value > low)) return std::byte{0};  // also where the value is not a number
    if (value >= high) return std::byte{255};
    return static_cast<std::byte>((value - low) / (high - low) * 255 + 0.5);
  }
};

// The 0.5 and 99.5 percentile of the finite values; least and greatest value where
// those are equal, as in a picture that is nearly all background.
Stretch find_stretch(const std::vector<double>& values) {
  std::vector<double> finite;
  finite.reserve(values.size());
  for (const double value : values) {
    if (std::isfinite(value)) finite.push_back(value);
  }
  if (finite.empty()) return {};
  const auto percentile = [&](std::size_t permille) {
    const std::size_t place = (finite.size() - 1) * permille / 1000;
    const auto middle = finite.begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(finite.begin(), middle, finite.end());
    return *middle;
  };
  const Stretch stretch{percentile(5), percentile(995)};
  if (stretch.low < stretch.high) return stretch;
  const auto [least, greatest] = std::minmax_element(finite.begin(), finite.end());
  return {*least, *greatest};
}

// Once around the hues, as far apart as the eye finds them; bright enough for black
// grounds, strong enough for white ones.
constexpr Rgb kHues[] = {
    {255, 64, 64},  {255, 140, 0},   {255, 222, 30}, {160, 240, 30}, {30, 205, 70},
    {0, 230, 160},  {20, 225, 240},  {50, 160, 255}, {90, 110, 255}, {160, 90, 255},
    {235, 60, 235}, {255, 120, 180}, {225, 30, 110},
};

void put(Image& rgb, std::uint32_t x, std::uint32_t y, Rgb colour) {
  std::byte* pixel = rgb.image_hwc.data() + (std::uint64_t{y} * rgb.shape.width + x) * kRgb;
  for (std::size_t channel = 0; channel < kRgb; ++channel)
    pixel[channel] = std::byte{colour[channel]};
}

void check_rgb(const Image& rgb) {
  const bool whole = rgb.shape.pixel_type == PixelType::u8 && rgb.shape.channels == kRgb &&
                     rgb.image_hwc.size() == rgb.shape.bytes();
  if (!whole) throw Error(ErrorCode::bad_argument, "picture: the image is not 8-bit RGB");
}

}  // namespace

Rgb class_colour(ClassId id) {
  // Five hues on from class to class; each round has its own lightness.
  const std::uint32_t number = raw(id);
  constexpr std::uint32_t kCount = std::size(kHues);
  Rgb colour = kHues[number % kCount * 5 % kCount];
  for (std::uint8_t& part : colour) {
    if (number / kCount % 3 == 1) part = static_cast<std::uint8_t>((part * 5 + 255 * 3) / 8);
    if (number / kCount % 3 == 2) part = static_cast<std::uint8_t>(part * 5 / 7);
  }
  return colour;
}

Image to_rgb8(const ImageView& image) {
  const ImageShape& shape = image.shape;
  check_shape(shape, "picture");
  if (image.image_hwc.size() != shape.bytes()) {
    throw Error(ErrorCode::bad_argument, "picture: the image has another size than its shape");
  }
  Image rgb = black(shape.width, shape.height);
  const std::size_t pixel_size = pixel_bytes(shape.pixel_type);
  const std::size_t used = shape.channels == kRgb ? kRgb : 1;
  const std::size_t repeat = kRgb / used;
  const bool plain = shape.pixel_type == PixelType::u8;

  std::vector<double> values;  // of the channels that are shown
  Stretch stretch{0, 255};
  if (!plain) {
    values.reserve(shape.pixels() * used);
    for (std::uint64_t pixel = 0; pixel < shape.pixels(); ++pixel) {
      for (std::size_t channel = 0; channel < used; ++channel) {
        const std::size_t at = (pixel * shape.channels + channel) * pixel_size;
        values.push_back(value_at(shape.pixel_type, image.image_hwc.data() + at));
      }
    }
    stretch = find_stretch(values);
  }
  std::byte* out = rgb.image_hwc.data();
  for (std::uint64_t pixel = 0; pixel < shape.pixels(); ++pixel) {
    for (std::size_t channel = 0; channel < used; ++channel) {
      const std::byte value = plain ? image.image_hwc[pixel * shape.channels + channel]
                                    : stretch(values[pixel * used + channel]);
      for (std::size_t copy = 0; copy < repeat; ++copy) *out++ = value;
    }
  }
  return rgb;
}

Image fit(const Image& rgb, std::uint32_t width_max, std::uint32_t height_max) {
  check_rgb(rgb);
  if (width_max == 0 || height_max == 0) {
    throw Error(ErrorCode::bad_argument, "picture: cannot fit an image into no space");
  }
  const std::uint32_t width = rgb.shape.width;
  const std::uint32_t height = rgb.shape.height;
  const std::uint32_t factor = std::min(width_max / width, height_max / height);
  if (factor == 1) return rgb;
  if (factor > 1) {
    Image larger = black(width * factor, height * factor);
    for (std::uint32_t y = 0; y < larger.shape.height; ++y) {
      const std::byte* row = rgb.image_hwc.data() + std::uint64_t{y / factor} * width * kRgb;
      std::byte* out = larger.image_hwc.data() + std::uint64_t{y} * larger.shape.width * kRgb;
      for (std::uint32_t x = 0; x < larger.shape.width; ++x) {
        std::memcpy(out + std::size_t{x} * kRgb, row + std::size_t{x / factor} * kRgb, kRgb);
      }
    }
    return larger;
  }
  // The side that is more too large than the other decides.
  const bool wide = std::uint64_t{width} * height_max > std::uint64_t{height} * width_max;
  const auto scaled = [](std::uint32_t side, std::uint32_t whole, std::uint32_t limit) {
    return std::max(1u, static_cast<std::uint32_t>(std::uint64_t{side} * limit / whole));
  };
  const std::uint32_t new_width = wide ? width_max : scaled(width, height, height_max);
  const std::uint32_t new_height = wide ? scaled(height, width, width_max) : height_max;
  Image smaller = black(new_width, new_height);
  for (std::uint32_t y = 0; y < new_height; ++y) {
    const std::uint64_t top = std::uint64_t{y} * height / new_height;
    const std::uint64_t bottom = std::max(top + 1, (std::uint64_t{y} + 1) * height / new_height);
    for (std::uint32_t x = 0; x < new_width; ++x) {
      const std::uint64_t left = std::uint64_t{x} * width / new_width;
      const std::uint64_t right = std::max(left + 1, (std::uint64_t{x} + 1) * width / new_width);
      const std::uint64_t count = (bottom - top) * (right - left);
      Rgb mean{};
      for (std::size_t channel = 0; channel < kRgb; ++channel) {
        std::uint64_t sum = 0;
        for (std::uint64_t row = top; row < bottom; ++row) {
          for (std::uint64_t column = left; column < right; ++column) {
            sum += std::to_integer<std::uint64_t>(
                rgb.image_hwc[(row * width + column) * kRgb + channel]);
          }
        }
        mean[channel] = static_cast<std::uint8_t>((sum + count / 2) / count);
      }
      put(smaller, x, y, mean);
    }
  }
  return smaller;
}

void draw_text(Image& rgb, std::uint32_t x, std::uint32_t y, std::string_view text, Rgb colour,
               std::uint32_t scale) {
  check_rgb(rgb);
  std::uint64_t left = x;
  for (const char letter : text) {
    // The later bytes of a UTF-8 character: the first one has drawn its box.
    if ((static_cast<unsigned char>(letter) & 0xc0) == 0x80) continue;
    if (left >= rgb.shape.width) return;
    for (std::uint32_t row = 0; row < kGlyphHeight * scale; ++row) {
      for (std::uint32_t column = 0; column < kGlyphWidth * scale; ++column) {
        const std::uint64_t at_x = left + column;
        const std::uint64_t at_y = std::uint64_t{y} + row;
        if (at_x >= rgb.shape.width || at_y >= rgb.shape.height) continue;
        if (!glyph_ink(letter, column / scale, row / scale)) continue;
        put(rgb, static_cast<std::uint32_t>(at_x), static_cast<std::uint32_t>(at_y), colour);
      }
    }
    left += std::uint64_t{kCellWidth} * scale;
  }
}

}  // namespace slicebank
