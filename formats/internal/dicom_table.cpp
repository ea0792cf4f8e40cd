// Tables that stand between stored numbers and what they mean: palettes, modality tables.
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

std::uint16_t u16_at(const Element& element, std::size_t index) {
  const auto low =
      std::to_integer<unsigned>(element.value[2 * index + (element.big_endian ? 1 : 0)]);
  const auto high =
      std::to_integer<unsigned>(element.value[2 * index + (element.big_endian ? 0 : 1)]);
  return static_cast<std::uint16_t>(high << 8 | low);
}

// What a descriptor says of its table.
struct TableShape {
  std::size_t entries = 0;
  std::int32_t first = 0;  // the stored value of the first entry
  int bits = 0;
};

// A table of one colour in segments (PS3.3 C.7.9.2): runs, ramps, and repeats of earlier
// segments.
std::vector<std::uint16_t> segmented_table(const Element& element, const TableShape& shape,
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
    for (std::uint32_t i = 0; i < copies && table.size() < shape.entries; ++i) from = plain(from);
    index += wide ? 4 : 6;
  }
  if (table.size() != shape.entries) throw fail();
  return table;
}

// A table as it lies there: in words, or in bytes where no entry has more than 8 bits.
std::vector<std::uint16_t> plain_table(const Element* element, const TableShape& shape,
                                       const char* what, const std::string& name) {
  const std::size_t bytes = element == nullptr ? 0 : element->value.size();
  std::vector<std::uint16_t> table(shape.entries);
  if (bytes >= shape.entries * 2) {
    for (std::size_t i = 0; i < shape.entries; ++i) table[i] = u16_at(*element, i);
    return table;
  }
  if (shape.bits > 8 || bytes < shape.entries) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: a {} of {} entries has {} bytes", name,
                                                   what, shape.entries, bytes));
  }
  // Words that were turned around have the bytes of a pair the other way round.
  for (std::size_t i = 0; i < shape.entries; ++i) {
    const std::size_t at = element->big_endian && (i ^ 1) < bytes ? i ^ 1 : i;
    table[i] = std::to_integer<std::uint16_t>(element->value[at]);
  }
  return table;
}

std::vector<std::uint16_t> colour_table(const Item& root, Tag colour, const TableShape& shape,
                                        const std::string& name) {
  const Element* segmented = root.find(tag::kSegmentedPaletteData + colour);
  const Element* element = root.find(tag::kPaletteData + colour);
  if (element == nullptr && segmented != nullptr) return segmented_table(*segmented, shape, name);
  return plain_table(element, shape, "palette", name);
}

TableShape table_shape(const Element& descriptor, bool is_signed, const char* what,
                       const std::string& name) {
  TableShape shape;
  shape.entries = u16_at(descriptor, 0);
  if (shape.entries == 0) shape.entries = 65'536;
  shape.first =
      is_signed ? static_cast<std::int16_t>(u16_at(descriptor, 1)) : u16_at(descriptor, 1);
  shape.bits = u16_at(descriptor, 2);
  if (shape.bits < 1 || shape.bits > 16) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: a {} of {} bits", name, what, shape.bits));
  }
  return shape;
}

TableShape palette_shape(const Item& root, Tag colour, bool is_signed, const std::string& name) {
  const Element* element = root.find(tag::kPaletteDescriptor + colour);
  if (element == nullptr || element->value.size() < 6) {
    throw Error(ErrorCode::bad_format, fmt::format("{}: PALETTE COLOR without a palette", name));
  }
  return table_shape(*element, is_signed, "palette", name);
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

Image with_palette(const Image& indices, const Item& root, bool is_signed,
                   const std::string& name) {
  std::array<TableShape, 3> shapes;
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

std::optional<ModalityTable> modality_table_of(const Item& root, bool is_signed,
                                               const std::string& name) {
  const Item* item = first_item(&root, tag::kModalityLutSequence);
  if (item == nullptr) return std::nullopt;
  const Element* descriptor = item->find(tag::kLutDescriptor);
  if (descriptor == nullptr || descriptor->value.size() < 6) {
    throw Error(ErrorCode::bad_format, name + ": a modality table without a descriptor");
  }
  const TableShape shape = table_shape(*descriptor, is_signed, "modality table", name);
  return ModalityTable{shape.first, shape.bits,
                       plain_table(item->find(tag::kLutData), shape, "modality table", name)};
}

}  // namespace slicebank::dicom::internal

namespace slicebank::dicom {

Image through_table(const Image& stored, const ModalityTable& table, const std::string& name) {
  if (pixel_bytes(stored.shape.pixel_type) > 2 || stored.shape.channels != 1 ||
      stored.shape.pixel_type == PixelType::f16) {
    throw Error(ErrorCode::bad_format,
                name + ": a modality table for other than whole numbers of 16 bits");
  }
  Image image{stored.shape, {}};
  const bool wide = table.bits > 8;
  image.shape.pixel_type = wide ? PixelType::u16 : PixelType::u8;
  image.image_hwc.resize(image.shape.bytes());
  std::byte* out = image.image_hwc.data();
  const std::int64_t last = static_cast<std::int64_t>(table.values.size()) - 1;
  for (std::size_t pixel = 0; pixel < stored.shape.pixels(); ++pixel) {
    const std::int64_t index = internal::index_at(stored, pixel);
    const auto entry = std::clamp<std::int64_t>(index - table.first, 0, last);
    const std::uint16_t value = table.values[static_cast<std::size_t>(entry)];
    *out++ = static_cast<std::byte>(value & 0xff);
    if (wide) *out++ = static_cast<std::byte>(value >> 8);
  }
  return image;
}

}  // namespace slicebank::dicom
