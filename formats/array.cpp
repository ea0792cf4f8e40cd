#include "formats/array.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "formats/internal/elements.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {

using internal::visit_elements;

std::size_t element_bytes(ElementType type) noexcept {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
    case ElementType::i8:
      return 1;
    case ElementType::u16:
    case ElementType::i16:
    case ElementType::f16:
      return 2;
    case ElementType::u32:
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    case ElementType::u64:
    case ElementType::i64:
    case ElementType::f64:
      return 8;
  }
  return 0;
}

const char* element_type_name(ElementType type) noexcept {
  switch (type) {
    case ElementType::boolean:
      return "bool";
    case ElementType::u64:
      return "u64";
    case ElementType::i64:
      return "i64";
    default:
      return pixel_type_name(*pixel_type_of(type));
  }
}

std::optional<PixelType> pixel_type_of(ElementType type) noexcept {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
      return PixelType::u8;
    case ElementType::i8:
      return PixelType::i8;
    case ElementType::u16:
      return PixelType::u16;
    case ElementType::i16:
      return PixelType::i16;
    case ElementType::u32:
      return PixelType::u32;
    case ElementType::i32:
      return PixelType::i32;
    case ElementType::f16:
      return PixelType::f16;
    case ElementType::f32:
      return PixelType::f32;
    case ElementType::f64:
      return PixelType::f64;
    case ElementType::u64:
    case ElementType::i64:
      break;
  }
  return std::nullopt;
}

ElementType element_type_of(PixelType type) noexcept {
  switch (type) {
    case PixelType::u8:
      return ElementType::u8;
    case PixelType::i8:
      return ElementType::i8;
    case PixelType::u16:
      return ElementType::u16;
    case PixelType::i16:
      return ElementType::i16;
    case PixelType::u32:
      return ElementType::u32;
    case PixelType::i32:
      return ElementType::i32;
    case PixelType::f16:
      return ElementType::f16;
    case PixelType::f32:
      return ElementType::f32;
    case PixelType::f64:
      break;
  }
  return ElementType::f64;
}

std::uint64_t Array::elements() const noexcept {
  std::uint64_t count = 1;
  for (const std::uint64_t side : shape) count *= side;
  return count;
}

std::string describe(const Array& array) {
  std::string text = "(";
  for (std::size_t i = 0; i < array.shape.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", array.shape[i]);
  }
  return text + ") " + element_type_name(array.type);
}

std::uint64_t checked_elements(const std::vector<std::uint64_t>& shape, const std::string& what) {
  std::uint64_t count = 1;
  bool empty = false;
  for (const std::uint64_t side : shape) {
    if (side == 0) {
      empty = true;
      continue;
    }
    if (side > limits::kVolumeElementsMax || count > limits::kVolumeElementsMax / side) {
      throw Error(ErrorCode::limit,
                  fmt::format("{}: more than {} elements", what, limits::kVolumeElementsMax));
    }
    count *= side;
  }
  return empty ? 0 : count;
}

namespace {

std::uint16_t reversed(std::uint16_t value) { return __builtin_bswap16(value); }
std::uint32_t reversed(std::uint32_t value) { return __builtin_bswap32(value); }
std::uint64_t reversed(std::uint64_t value) { return __builtin_bswap64(value); }

template <typename Element>
void reverse_each(MutableBytes data) {
  for (std::size_t at = 0; at + sizeof(Element) <= data.size(); at += sizeof(Element)) {
    Element element;
    std::memcpy(&element, data.data() + at, sizeof element);
    element = reversed(element);
    std::memcpy(data.data() + at, &element, sizeof element);
  }
}

}  // namespace

void swap_bytes(MutableBytes data, std::size_t element_bytes) {
  if (element_bytes == 2) reverse_each<std::uint16_t>(data);
  if (element_bytes == 4) reverse_each<std::uint32_t>(data);
  if (element_bytes == 8) reverse_each<std::uint64_t>(data);
}

double element_at(const Array& array, std::uint64_t index) {
  double value = 0;
  const std::size_t size = element_bytes(array.type);
  visit_elements(Bytes(array.data).subspan(index * size, size), array.type,
                 [&](auto element) { value = static_cast<double>(element); });
  return value;
}

namespace {

template <typename To>
std::vector<std::byte> narrowed(const Array& array) {
  std::vector<std::byte> data(array.elements() * sizeof(To));
  std::byte* out = data.data();
  visit_elements(array.data, array.type, [&](auto element) {
    const To value = static_cast<To>(element);
    std::memcpy(out, &value, sizeof value);
    out += sizeof value;
  });
  return data;
}

}  // namespace

Array narrowed_to_pixels(Array array, const std::string& what) {
  if (array.type == ElementType::boolean) array.type = ElementType::u8;
  if (pixel_type_of(array.type)) return array;
  bool negative = false;
  bool above_i32 = false;
  visit_elements(array.data, array.type, [&](auto element) {
    const double value = static_cast<double>(element);
    negative = negative || value < 0;
    above_i32 = above_i32 || value > 2147483647.0;
    if (value > 4294967295.0 || value < -2147483648.0 || (negative && above_i32)) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: the value {} does not fit into 32 bits", what, element));
    }
  });
  if (negative) return {ElementType::i32, array.shape, narrowed<std::int32_t>(array)};
  return {ElementType::u32, array.shape, narrowed<std::uint32_t>(array)};
}

std::vector<double> values_of(Bytes data, ElementType type) {
  std::vector<double> values;
  values.reserve(data.size() / element_bytes(type));
  visit_elements(data, type, [&](auto element) { values.push_back(static_cast<double>(element)); });
  return values;
}

std::vector<std::uint32_t> label_values(Bytes data, ElementType type, const std::string& what,
                                        double slope, double intercept) {
  std::vector<std::uint32_t> labels;
  labels.reserve(data.size() / element_bytes(type));
  const bool scaled = slope != 1 || intercept != 0;
  visit_elements(data, type, [&](auto element) {
    using Element = decltype(element);
    if constexpr (std::is_unsigned_v<Element> && sizeof(Element) <= 4) {
      if (!scaled) {
        labels.push_back(element);
        return;
      }
    }
    const double value = std::round(static_cast<double>(element) * slope + intercept);
    if (!(value >= 0 && value <= 4294967295.0)) {
      throw Error(ErrorCode::bad_format,
                  fmt::format("{}: {} is no label (labels are whole numbers from 0)", what, value),
                  "A file of continuous values is an image, not a label map.");
    }
    labels.push_back(static_cast<std::uint32_t>(value));
  });
  return labels;
}

}  // namespace slicebank
