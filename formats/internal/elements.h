// Walks over the elements of an array of any type, as numbers of the machine's own.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "formats/array.h"

namespace slicebank::internal {

static_assert(std::endian::native == std::endian::little, "arrays are read in place");

// IEEE 754 binary16, as f32 (exact).
inline float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0) {
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  }
  const float value = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -value : value;
}

template <typename Element, typename Visit>
void visit_as(Bytes data, Visit&& visit) {
  Element element;
  for (std::size_t at = 0; at + sizeof element <= data.size(); at += sizeof element) {
    std::memcpy(&element, data.data() + at, sizeof element);
    visit(element);
  }
}

// Calls `visit` once an element; boolean comes as u8, f16 as f32.
template <typename Visit>
void visit_elements(Bytes data, ElementType type, Visit&& visit) {
  switch (type) {
    case ElementType::boolean:
    case ElementType::u8:
      return visit_as<std::uint8_t>(data, visit);
    case ElementType::i8:
      return visit_as<std::int8_t>(data, visit);
    case ElementType::u16:
      return visit_as<std::uint16_t>(data, visit);
    case ElementType::i16:
      return visit_as<std::int16_t>(data, visit);
    case ElementType::u32:
      return visit_as<std::uint32_t>(data, visit);
    case ElementType::i32:
      return visit_as<std::int32_t>(data, visit);
    case ElementType::u64:
      return visit_as<std::uint64_t>(data, visit);
    case ElementType::i64:
      return visit_as<std::int64_t>(data, visit);
    case ElementType::f16:
      return visit_as<std::uint16_t>(data, [&](std::uint16_t half) { visit(half_to_float(half)); });
    case ElementType::f32:
      return visit_as<float>(data, visit);
    case ElementType::f64:
      return visit_as<double>(data, visit);
  }
}

}  // namespace slicebank::internal
