// From a decoder's samples to stored values: masks, signs, colours.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "formats/internal/dicom_frame.h"
#include "schema/error.h"

namespace slicebank::dicom::internal {
namespace {

PixelType smallest_type(int bits, bool is_signed) {
  if (bits <= 8) return is_signed ? PixelType::i8 : PixelType::u8;
  if (bits <= 16) return is_signed ? PixelType::i16 : PixelType::u16;
  return is_signed ? PixelType::i32 : PixelType::u32;
}

template <typename In, typename Out>
void narrow(const RawFrame& raw, int bits, int lowest_bit, bool extend,
            std::vector<std::byte>& out) {
  const std::uint32_t mask = bits >= 32 ? ~0u : (1u << bits) - 1;
  const std::uint32_t sign = 1u << (bits - 1);
  const std::size_t count = raw.data.size() / sizeof(In);
  for (std::size_t i = 0; i < count; ++i) {
    In in;
    std::memcpy(&in, raw.data.data() + i * sizeof in, sizeof in);
    std::uint32_t value = static_cast<std::uint32_t>(in) >> lowest_bit & mask;
    if (extend) value = (value ^ sign) - sign;
    const auto narrowed = static_cast<Out>(value);
    std::memcpy(out.data() + i * sizeof narrowed, &narrowed, sizeof narrowed);
  }
}

template <typename In>
void narrow_from(const RawFrame& raw, int bits, int lowest_bit, bool extend, PixelType to,
                 std::vector<std::byte>& out) {
  switch (pixel_bytes(to)) {
    case 1:
      return narrow<In, std::uint8_t>(raw, bits, lowest_bit, extend, out);
    case 2:
      return narrow<In, std::uint16_t>(raw, bits, lowest_bit, extend, out);
    default:
      return narrow<In, std::uint32_t>(raw, bits, lowest_bit, extend, out);
  }
}

// ITU-R BT.601, full range; `bits` a sample.
template <typename Value>
void ybr_to_rgb(std::vector<std::byte>& data, int bits) {
  const double centre = std::ldexp(1.0, bits - 1);
  const double largest = std::ldexp(1.0, bits) - 1;
  std::array<Value, 3> pixel;
  for (std::size_t at = 0; at + sizeof pixel <= data.size(); at += sizeof pixel) {
    std::memcpy(pixel.data(), data.data() + at, sizeof pixel);
    const double y = pixel[0];
    const double blue = pixel[1] - centre;
    const double red = pixel[2] - centre;
    const std::array<double, 3> rgb = {y + 1.402 * red, y - 0.344136286 * blue - 0.714136286 * red,
                                       y + 1.772 * blue};
    for (std::size_t i = 0; i < 3; ++i) {
      pixel[i] = static_cast<Value>(std::clamp(std::floor(rgb[i] + 0.5), 0.0, largest));
    }
    std::memcpy(data.data() + at, pixel.data(), sizeof pixel);
  }
}

}  // namespace

Image finished(const FrameLayout& layout, RawFrame raw, const std::string& name) {
  Image image;
  image.shape = {smallest_type(layout.bits_stored, layout.is_signed), layout.rows, layout.columns,
                 layout.samples};
  const std::uint64_t count = layout.pixels() * layout.samples;
  if (raw.data.size() != count * raw.sample_bytes) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: a frame has {} bytes instead of {}", name,
                                                   raw.data.size(), count * raw.sample_bytes));
  }
  int bits = layout.bits_stored;
  bool extend = layout.is_signed;
  if (!raw.signs_extended) bits = std::min(bits, raw.precision);
  if (raw.sample_bytes == pixel_bytes(image.shape.pixel_type) &&
      bits == static_cast<int>(8 * raw.sample_bytes) && raw.lowest_bit == 0) {
    image.image_hwc = std::move(raw.data);
  } else {
    image.image_hwc.resize(image.shape.bytes());
    const PixelType to = image.shape.pixel_type;
    if (raw.sample_bytes == 1) {
      narrow_from<std::uint8_t>(raw, bits, raw.lowest_bit, extend, to, image.image_hwc);
    } else if (raw.sample_bytes == 2) {
      narrow_from<std::uint16_t>(raw, bits, raw.lowest_bit, extend, to, image.image_hwc);
    } else {
      narrow_from<std::uint32_t>(raw, bits, raw.lowest_bit, extend, to, image.image_hwc);
    }
  }
  if (layout.samples == 3 &&
      (layout.photometric == "YBR_FULL" || layout.photometric == "YBR_FULL_422")) {
    if (image.shape.pixel_type == PixelType::u8) {
      ybr_to_rgb<std::uint8_t>(image.image_hwc, layout.bits_stored);
    } else if (image.shape.pixel_type == PixelType::u16) {
      ybr_to_rgb<std::uint16_t>(image.image_hwc, layout.bits_stored);
    } else {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: {} of {} bits", name, layout.photometric, layout.bits_stored));
    }
  }
  return image;
}

}  // namespace slicebank::dicom::internal
