#include "query/internal/batch_pixels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "query/internal/pixel_visit.h"

namespace slicebank {
namespace {

template <typename Real, typename T>
void load_rows(const T* first, std::size_t row_step, std::uint32_t channels, Size size,
               const LinearMap& map, float* out) {
  const Real low = static_cast<Real>(map.low);
  const Real high = static_cast<Real>(map.high);
  const Real shift = static_cast<Real>(map.shift);
  const Real scale = static_cast<Real>(map.scale);
  const Real offset = static_cast<Real>(map.offset);
  const bool clamps = map.high > map.low;
  const bool plain = map.is_identity();
  for (std::uint32_t y = 0; y < size.height; ++y, first += row_step, out += size.width) {
    const auto each = [&](auto stride) {
      if (plain) {
        for (std::size_t x = 0; x < size.width; ++x) {
          out[x] = static_cast<float>(to_real<Real>(first[x * stride]));
        }
      } else if (clamps) {
        for (std::size_t x = 0; x < size.width; ++x) {
          Real value = to_real<Real>(first[x * stride]);
          value = value < low ? low : value;  // a NaN stays one
          value = value > high ? high : value;
          out[x] = static_cast<float>((value - shift) * scale + offset);
        }
      } else {
        for (std::size_t x = 0; x < size.width; ++x) {
          out[x] = static_cast<float>((to_real<Real>(first[x * stride]) - shift) * scale + offset);
        }
      }
    };
    if (channels == 1) {
      each(std::integral_constant<std::size_t, 1>());
    } else {
      each(std::size_t{channels});
    }
  }
}

// Exact for |value| below 2^22: at 1.5 * 2^23 floats are whole, and the addition rounds.
inline float round_half_even(float value) noexcept {
  constexpr float kWhole = 12582912.0f;
  return (value + kWhole) - kWhole;
}

template <typename T>
void store_integers(const float* values, std::size_t size, std::size_t step, T* out) {
  constexpr float kLow = static_cast<float>(std::numeric_limits<T>::min());
  constexpr float kHigh = static_cast<float>(std::numeric_limits<T>::max());
  const auto each = [&](auto stride) {
    for (std::size_t i = 0; i < size; ++i) {
      float value = values[i];
      value = value == value ? value : 0.0f;
      value = value < kLow ? kLow : value;
      value = value > kHigh ? kHigh : value;
      out[i * stride] = static_cast<T>(static_cast<std::int32_t>(round_half_even(value)));
    }
  };
  if (step == 1) {
    each(std::integral_constant<std::size_t, 1>());
  } else {
    each(step);
  }
}

}  // namespace

std::uint16_t float_to_half(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7fff'ffff;
  if (magnitude >= 0x4780'0000) {  // 65536 and above, infinity, NaN
    const bool nan = magnitude > 0x7f80'0000;
    return static_cast<std::uint16_t>(sign | 0x7c00 |
                                      (nan ? 0x200 | (magnitude >> 13 & 0x3ff) : 0u));
  }
  if (magnitude < 0x3880'0000) {  // below 2^-14: denormal, in steps of 2^-24
    const float steps = std::bit_cast<float>(magnitude) * 16777216.0f;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(round_half_even(steps)));
  }
  const std::uint32_t rounded = magnitude - 0x3800'0000 + 0xfff + (magnitude >> 13 & 1);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00) {
    return std::bit_cast<float>(sign | 0x7f80'0000 | (magnitude & 0x3ff) << 13);
  }
  if (magnitude < 0x400) {
    const float value = static_cast<float>(magnitude) * 5.9604644775390625e-8f;  // 2^-24
    return sign != 0 ? -value : value;
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + 0x3800'0000));
}

void load_plane(const ImageView& image, std::uint32_t channel, const Box& box, const LinearMap& map,
                float* out_hw) {
  visit_pixels(image.shape.pixel_type, [&](auto tag) {
    using T = typename decltype(tag)::Stored;
    using Real = std::conditional_t<(sizeof(T) <= 2 || std::is_same_v<T, float>), float, double>;
    const std::size_t channels = image.shape.channels;
    const std::size_t row_step = std::size_t{image.shape.width} * channels;
    const auto* pixels = reinterpret_cast<const T*>(image.image_hwc.data());
    load_rows<Real>(pixels + box.y0 * row_step + box.x0 * channels + channel, row_step,
                    image.shape.channels, Size{box.y1 - box.y0, box.x1 - box.x0}, map, out_hw);
  });
}

void map_plane(const LinearMap& map, float* values, std::size_t size) {
  if (map.is_identity()) return;
  load_rows<float>(values, size, 1, Size{1, static_cast<std::uint32_t>(size)}, map, values);
}

void turn_plane(const float* canvas_hw, const Placement& placement, float* out_hw) {
  const Turn turn = turn_of(placement);
  const Size canvas = placement.canvas;
  // Tiles, so that a transposed write does not touch a new cache line a pixel.
  constexpr std::uint32_t kTile = 32;
  for (std::uint32_t y0 = 0; y0 < canvas.height; y0 += kTile) {
    const std::uint32_t y1 = std::min(canvas.height, y0 + kTile);
    for (std::uint32_t x0 = 0; x0 < canvas.width; x0 += kTile) {
      const std::uint32_t x1 = std::min(canvas.width, x0 + kTile);
      for (std::uint32_t y = y0; y < y1; ++y) {
        const float* in = canvas_hw + std::size_t{y} * canvas.width;
        std::int64_t at = turn.base + y * turn.step_y + x0 * turn.step_x;
        for (std::uint32_t x = x0; x < x1; ++x, at += turn.step_x) out_hw[at] = in[x];
      }
    }
  }
}

void store_plane(const float* values, std::size_t size, PixelType type, std::size_t step,
                 std::byte* out) {
  switch (type) {
    case PixelType::u8:
      return store_integers(values, size, step, reinterpret_cast<std::uint8_t*>(out));
    case PixelType::i16:
      return store_integers(values, size, step, reinterpret_cast<std::int16_t*>(out));
    case PixelType::u16:
      return store_integers(values, size, step, reinterpret_cast<std::uint16_t*>(out));
    case PixelType::f16: {
      auto* halves = reinterpret_cast<std::uint16_t*>(out);
      for (std::size_t i = 0; i < size; ++i) halves[i * step] = float_to_half(values[i]);
      return;
    }
    default: {
      auto* floats = reinterpret_cast<float*>(out);
      if (step == 1) {
        if (floats != values) std::memcpy(floats, values, size * sizeof(float));
        return;
      }
      for (std::size_t i = 0; i < size; ++i) floats[i * step] = values[i];
    }
  }
}

}  // namespace slicebank
