// From a PixelType to the C++ type that holds it.
#pragma once

#include <cstdint>

#include "query/internal/batch_pixels.h"
#include "schema/sample.h"

namespace slicebank {

// How an f16 lies in memory; a type of its own, so that it is not taken for a u16.
enum class Half : std::uint16_t {};

template <typename T>
struct PixelTag {
  using Stored = T;
};

// Calls `visit` with the PixelTag of the type.
template <typename Visit>
void visit_pixels(PixelType type, const Visit& visit) {
  switch (type) {
    case PixelType::u8:
      return visit(PixelTag<std::uint8_t>());
    case PixelType::i8:
      return visit(PixelTag<std::int8_t>());
    case PixelType::u16:
      return visit(PixelTag<std::uint16_t>());
    case PixelType::i16:
      return visit(PixelTag<std::int16_t>());
    case PixelType::u32:
      return visit(PixelTag<std::uint32_t>());
    case PixelType::i32:
      return visit(PixelTag<std::int32_t>());
    case PixelType::f16:
      return visit(PixelTag<Half>());
    case PixelType::f32:
      return visit(PixelTag<float>());
    case PixelType::f64:
      return visit(PixelTag<double>());
  }
}

template <typename Real, typename T>
Real to_real(T value) noexcept {
  return static_cast<Real>(value);
}
template <typename Real>
Real to_real(Half value) noexcept {
  return static_cast<Real>(half_to_float(static_cast<std::uint16_t>(value)));
}

}  // namespace slicebank
