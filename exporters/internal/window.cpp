#include "exporters/internal/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "exporters/internal/settings.h"
#include "schema/error.h"

namespace slicebank::exporting {
namespace {

static_assert(std::endian::native == std::endian::little, "pixels are little-endian");

// IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits.
double from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1F;
  const double fraction = bits & 0x3FF;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(fraction, -24);
  } else if (exponent == 31) {
    value = fraction == 0 ? HUGE_VAL : std::nan("");
  } else {
    value = std::ldexp(1024 + fraction, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

double plain(auto value) { return static_cast<double>(value); }

template <typename Stored, typename ToDouble>
void map_pixels(const ImageView& image, const Window& window, ToDouble to_double,
                std::vector<std::byte>& out) {
  const double low = window.level - window.width / 2;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, image.image_hwc.data() + i * sizeof(Stored), sizeof(Stored));
    const double value = (to_double(stored) - low) * 255 / window.width;
    const double clamped = std::isnan(value) ? 0 : std::clamp(value, 0.0, 255.0);
    out[i] = static_cast<std::byte>(static_cast<std::uint8_t>(std::lround(clamped)));
  }
}

}  // namespace

std::optional<Window> window_setting(const ExportOptions& options) {
  const std::string text = setting(options, "window", "");
  if (text.empty()) return std::nullopt;
  Window window;
  const char* const end = text.data() + text.size();
  const auto level = std::from_chars(text.data(), end, window.level);
  if (level.ec == std::errc() && level.ptr != end && *level.ptr == '/') {
    const auto width = std::from_chars(level.ptr + 1, end, window.width);
    if (width.ec == std::errc() && width.ptr == end && std::isfinite(window.level) &&
        std::isfinite(window.width) && window.width > 0) {
      return window;
    }
  }
  throw Error(ErrorCode::bad_argument,
              fmt::format("'{}' is no window: it must be level/width, width above 0", text),
              "window=40/400 shows soft tissue in CT");
}

Image apply_window(const ImageView& image, const Window& window) {
  assert(image.shape.channels == 1);
  Image out;
  out.shape = image.shape;
  out.shape.pixel_type = PixelType::u8;
  out.image_hwc.resize(image.shape.pixels());
  auto& bytes = out.image_hwc;
  switch (image.shape.pixel_type) {
    case PixelType::u8:
      map_pixels<std::uint8_t>(image, window, plain<std::uint8_t>, bytes);
      break;
    case PixelType::i8:
      map_pixels<std::int8_t>(image, window, plain<std::int8_t>, bytes);
      break;
    case PixelType::u16:
      map_pixels<std::uint16_t>(image, window, plain<std::uint16_t>, bytes);
      break;
    case PixelType::i16:
      map_pixels<std::int16_t>(image, window, plain<std::int16_t>, bytes);
      break;
    case PixelType::u32:
      map_pixels<std::uint32_t>(image, window, plain<std::uint32_t>, bytes);
      break;
    case PixelType::i32:
      map_pixels<std::int32_t>(image, window, plain<std::int32_t>, bytes);
      break;
    case PixelType::f16:
      map_pixels<std::uint16_t>(image, window, from_half, bytes);
      break;
    case PixelType::f32:
      map_pixels<float>(image, window, plain<float>, bytes);
      break;
    case PixelType::f64:
      map_pixels<double>(image, window, plain<double>, bytes);
      break;
  }
  return out;
}

}  // namespace slicebank::exporting
