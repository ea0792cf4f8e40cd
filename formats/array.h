// An n-dimensional array as a file holds it, before anybody has said what it means.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schema/sample.h"

namespace slicebank {

// What numpy and the volume formats write and a Sample may hold, and three more (boolean,
// u64, i64) that are narrowed on their way to a Sample.
enum class ElementType : std::uint8_t {
  boolean,  // one byte, 0 or 1
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
  f16,
  f32,
  f64
};

std::size_t element_bytes(ElementType type) noexcept;
const char* element_type_name(ElementType type) noexcept;  // "bool", "u8", ...

// The type of a pixel that holds such an element: boolean is u8; none for u64 and i64.
std::optional<PixelType> pixel_type_of(ElementType type) noexcept;
ElementType element_type_of(PixelType type) noexcept;

// Owned; C order (the last axis is the fastest), little-endian. No shape is one number.
struct Array {
  ElementType type = ElementType::u8;
  std::vector<std::uint64_t> shape;
  std::vector<std::byte> data;  // elements() * element_bytes(type)

  std::uint64_t elements() const noexcept;
  friend bool operator==(const Array&, const Array&) = default;
};

// "(3, 512, 512) i16", for messages.
std::string describe(const Array& array);

// The product of `shape`. Throws Error(limit), beginning with `what`, when it passes
// limits::kVolumeElementsMax or overflows. For use before memory is asked for.
std::uint64_t checked_elements(const std::vector<std::uint64_t>& shape, const std::string& what);

// Swaps the bytes of each element (1, 2, 4 or 8) in place, for big-endian files.
void swap_bytes(MutableBytes data, std::size_t element_bytes);

// One element as a double; u64 and i64 beyond 2^53 are rounded.
double element_at(const Array& array, std::uint64_t index);

// Every element as a double, in order; as element_at().
std::vector<double> values_of(Bytes data, ElementType type);

// u64 and i64 as u32 or i32 where every value fits (u32 first); boolean as u8; any other
// type as it is. Throws Error(bad_format), beginning with `what`, for a value that does
// not fit.
Array narrowed_to_pixels(Array array, const std::string& what);

// A label map: slope * value + intercept, rounded to the nearest whole number (files
// scaled to floats carry noise). Throws Error(bad_format), beginning with `what`, for a
// value that is negative, above 2^32 - 1, or not finite.
std::vector<std::uint32_t> label_values(Bytes data, ElementType type, const std::string& what,
                                        double slope = 1, double intercept = 0);

}  // namespace slicebank
