// From a decoder's samples to stored values: masks, signs, colours, palettes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <optional>

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

std::uint16_t u16_at(const Element& element, std::size_t index) {
  const auto low =
      std::to_integer<unsigned>(element.value[2 * index + (element.big_endian ? 1 : 0)]);
  const auto high =
      std::to_integer<unsigned>(element.value[2 * index + (element.big_endian ? 0 : 1)]);
  return static_cast<std::uint16_t>(high << 8 | low);
}

struct PaletteShape {
  std::size_t entries = 0;
  std::int32_t first = 0;  // the stored value of the first entry
  int bits = 0;
};

// A table of one colour in segments (PS3.3 C.7.9.2): runs, ramps, and repeats of earlier
// segments.
std::vector<std::uint16_t> segmented_table(const Element& element, const PaletteShape& shape,
                                           const std::string& name) {
  const auto fail = [&] {
    return Error(ErrorCode::bad_format, fmt::format("{}: the segmented palette is damaged", name));
  };
  const bool wide = shape.bits > 8;
  const std::size_t count = element.value.size() / (wide ? 2 : 1);
  const auto at = [&](std::size_t index) -> std::uint32_t {
    if (index >= count) throw fail();
    return wide ? u16_at(element, index) : std::to_integer<std::uint32_t>(element.value[index]);
  };
  std::vector<std::uint16_t> table;
  const auto push = [&](std::uint32_t value) {
    if (table.size() < shape.entries) table.push_back(static_cast<std::uint16_t>(value));
  };
  // Reads one run or ramp; returns where the next segment begins.
  const auto plain = [&](std::size_t index) {
    const std::uint32_t length = at(index + 1);
    if (at(index) == 0) {
      for (std::uint32_t i = 0; i < length; ++i) push(at(index + 2 + i));
      return index + 2 + length;
    }
    if (at(index) != 1 || table.empty()) throw fail();
    const double from = table.back();
    const double to = at(index + 2);
    for (std::uint32_t i = 1; i <= length; ++i) {
      push(static_cast<std::uint32_t>(std::floor(from + (to - from) * i / length + 0.5)));
    }
    return index + 3;
  };
  for (std::size_t index = 0; index < count && table.size() < shape.entries;) {
    if (at(index) != 2) {
      index = plain(index);
      continue;
    }
    const std::uint32_t copies = at(index + 1);
    // The offset counts bytes of the table.
    std::size_t from = 0;
    if (wide) {
      from = (at(index + 2) | std::size_t{at(index + 3)} << 16) / 2;
    } else {
      for (std::size_t i = 4; i-- > 0;) from = from << 8 | at(index + 2 + i);
    }
    for (std::uint32_t i = 0; i < copies; ++i) from = plain(from);
    index += wide ? 4 : 6;
  }
  if (table.size() != shape.entries) throw fail();
  return table;
}

std::vector<std::uint16_t> colour_table(const Item& root, Tag colour, const PaletteShape& shape,
                                        const std::string& name) {
  const Element* segmented = root.find(tag::kSegmentedPaletteData + colour);
  const Element* element = root.find(tag::kPaletteData + colour);
  if (element == nullptr && segmented != nullptr) return segmented_table(*segmented, shape, name);
  const std::size_t bytes = element == nullptr ? 0 : element->value.size();
  std::vector<std::uint16_t> table(shape.entries);
  if (bytes >= shape.entries * 2) {
    for (std::size_t i = 0; i < shape.entries; ++i) table[i] = u16_at(*element, i);
    return table;
  }
  if (shape.bits > 8 || bytes < shape.entries) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: a palette of {} entries has {} bytes", name,
                                                   shape.entries, bytes));
  }
  for (std::size_t i = 0; i < shape.entries; ++i) {
    table[i] = std::to_integer<std::uint16_t>(element->value[element->big_endian ? i ^ 1 : i]);
  }
  return table;
}

PaletteShape palette_shape(const Item& root, Tag colour, bool is_signed, const std::string& name) {
  const Element* element = root.find(tag::kPaletteDescriptor + colour);
  if (element == nullptr || element->value.size() < 6) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: PALETTE COLOR without a palette", name));
  }
  PaletteShape shape;
  shape.entries = u16_at(*element, 0);
  if (shape.entries == 0) shape.entries = 65'536;
  shape.first = is_signed ? static_cast<std::int16_t>(u16_at(*element, 1)) : u16_at(*element, 1);
  shape.bits = u16_at(*element, 2);
  if (shape.bits < 1 || shape.bits > 16) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: a palette of {} bits", name, shape.bits));
  }
  return shape;
}

std::int32_t index_at(const Image& image, std::size_t pixel) {
  const std::byte* at = image.image_hwc.data() + pixel * pixel_bytes(image.shape.pixel_type);
  switch (image.shape.pixel_type) {
    case PixelType::u8:
      return std::to_integer<std::int32_t>(*at);
    case PixelType::i8:
      return static_cast<std::int8_t>(*at);
    case PixelType::i16: {
      std::int16_t value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
    default: {
      std::uint16_t value = 0;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
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

Image with_palette(const Image& indices, const Item& root, bool is_signed,
                   const std::string& name) {
  std::array<PaletteShape, 3> shapes;
  std::array<std::vector<std::uint16_t>, 3> tables;
  int bits = 0;
  for (Tag colour = 0; colour < 3; ++colour) {
    shapes[colour] = palette_shape(root, colour, is_signed, name);
    tables[colour] = colour_table(root, colour, shapes[colour], name);
    bits = std::max(bits, shapes[colour].bits);
  }
  if (pixel_bytes(indices.shape.pixel_type) > 2 || indices.shape.channels != 1) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: a palette of more than 16 bits", name));
  }
  Image image;
  image.shape = indices.shape;
  image.shape.channels = 3;
  image.shape.pixel_type = bits > 8 ? PixelType::u16 : PixelType::u8;
  check_shape(image.shape, name);
  image.image_hwc.resize(image.shape.bytes());
  std::byte* out = image.image_hwc.data();
  for (std::size_t pixel = 0; pixel < indices.shape.pixels(); ++pixel) {
    const std::int64_t index = index_at(indices, pixel);
    for (std::size_t colour = 0; colour < 3; ++colour) {
      const std::int64_t last = static_cast<std::int64_t>(tables[colour].size()) - 1;
      const std::int64_t entry = std::clamp<std::int64_t>(index - shapes[colour].first, 0, last);
      const std::uint16_t value = tables[colour][static_cast<std::size_t>(entry)];
      *out++ = static_cast<std::byte>(value & 0xff);
      if (bits > 8) *out++ = static_cast<std::byte>(value >> 8);
    }
  }
  return image;
}

}  // namespace slicebank::dicom::internal
