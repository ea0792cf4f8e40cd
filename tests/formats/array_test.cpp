#include "formats/array.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

template <typename Element>
std::vector<std::byte> bytes_of(const std::vector<Element>& elements) {
  std::vector<std::byte> bytes(elements.size() * sizeof(Element));
  if (!bytes.empty()) std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

template <typename Element>
Array array_of(ElementType type, const std::vector<Element>& elements) {
  return {type, {elements.size()}, bytes_of(elements)};
}

const std::vector<ElementType>& all_types() {
  static const std::vector<ElementType> kTypes = {
      ElementType::boolean, ElementType::u8,  ElementType::i8,  ElementType::u16,
      ElementType::i16,     ElementType::u32, ElementType::i32, ElementType::u64,
      ElementType::i64,     ElementType::f16, ElementType::f32, ElementType::f64};
  return kTypes;
}

using Labels = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("array: types have sizes, names and pixels that agree") {
  for (const ElementType type : all_types()) {
    CAPTURE(element_type_name(type));
    const auto pixel = pixel_type_of(type);
    if (type == ElementType::u64 || type == ElementType::i64) {
      CHECK(!pixel);
      CHECK(element_bytes(type) == 8);
      continue;
    }
    REQUIRE(pixel);
    CHECK(pixel_bytes(*pixel) == element_bytes(type));
    if (type == ElementType::boolean) {
      CHECK(*pixel == PixelType::u8);
      CHECK(std::string(element_type_name(type)) == "bool");
    } else {
      CHECK(element_type_of(*pixel) == type);
      CHECK(std::string(element_type_name(type)) == pixel_type_name(*pixel));
    }
  }
  CHECK(describe({ElementType::i16, {3, 512, 512}, {}}) == "(3, 512, 512) i16");
  CHECK(describe({ElementType::u64, {}, {}}) == "() u64");
}

TEST_CASE("array: shapes are counted, and refused before they overflow") {
  const std::uint64_t most = limits::kVolumeElementsMax;

  CHECK(checked_elements({}, "x") == 1);
  CHECK(checked_elements({3, 4, 5}, "x") == 60);
  CHECK(checked_elements({3, 0, 5}, "x") == 0);
  CHECK(checked_elements({most, 1}, "x") == most);
  CHECK_THROWS_AS(checked_elements({most + 1}, "x"), Error);
  CHECK_THROWS_AS(checked_elements({most, 2}, "x"), Error);
  CHECK_THROWS_AS(checked_elements({1ull << 32, 1ull << 32}, "x"), Error);
  CHECK_THROWS_AS(checked_elements({1ull << 32, 1ull << 32, 0}, "x"), Error);
  CHECK_THROWS_AS(checked_elements({0, 1ull << 63, 2}, "x"), Error);
  CHECK(Array{ElementType::u8, {3, 4, 5}, {}}.elements() == 60);
  CHECK(Array{}.elements() == 1);
}

TEST_CASE("array: swapped bytes are the elements of the other order, twice is none") {
  std::vector<std::byte> data;
  for (int i = 0; i < 24; ++i) data.push_back(static_cast<std::byte>(i));
  for (const std::size_t size : {1u, 2u, 4u, 8u}) {
    std::vector<std::byte> swapped = data;
    swap_bytes(swapped, size);
    for (std::size_t i = 0; i < data.size(); ++i) {
      CHECK(swapped[i] == data[i / size * size + size - 1 - i % size]);
    }
    swap_bytes(swapped, size);
    CHECK(swapped == data);
  }
}

TEST_CASE("array: an element is its number") {
  CHECK(element_at(array_of<std::uint16_t>(ElementType::f16, {0x3c00, 0xc000, 0x3555}), 1) == -2);
  CHECK(element_at(array_of<std::uint16_t>(ElementType::f16, {0x0001}), 0) == 0x1p-24);
  CHECK(std::isnan(element_at(array_of<std::uint16_t>(ElementType::f16, {0x7e00}), 0)));
  CHECK(element_at(array_of<std::int8_t>(ElementType::i8, {1, -5}), 1) == -5);
  CHECK(element_at(array_of<std::int64_t>(ElementType::i64, {0, -(1ll << 40)}), 1) == -0x1p40);
  CHECK(element_at(array_of<double>(ElementType::f64, {0.1}), 0) == 0.1);
}

TEST_CASE("array: values are the elements as doubles, in their order") {
  const Array array = array_of<std::int16_t>(ElementType::i16, {-3, 0, 32'767});
  CHECK(values_of(array.data, array.type) == std::vector<double>{-3, 0, 32'767});
  CHECK(values_of({}, ElementType::f64).empty());
}

TEST_CASE("array: 64-bit numbers become the 32-bit type that holds them all") {
  using I = std::vector<std::int64_t>;
  using U = std::vector<std::uint64_t>;
  const auto narrowed = [](const Array& array) { return narrowed_to_pixels(array, "x"); };

  CHECK(narrowed(array_of(ElementType::i64, I{0, 4294967295})) ==
        array_of(ElementType::u32, Labels{0, 4294967295u}));
  CHECK(narrowed(array_of(ElementType::i64, I{-1, 2147483647})) ==
        array_of(ElementType::i32, std::vector<std::int32_t>{-1, 2147483647}));
  CHECK(narrowed(array_of(ElementType::i64, I{-2147483648ll})) ==
        array_of(ElementType::i32, std::vector<std::int32_t>{-2147483647 - 1}));
  CHECK(narrowed(array_of(ElementType::u64, U{7, 4294967295})).type == ElementType::u32);
  CHECK(narrowed(array_of(ElementType::u64, U{})).type == ElementType::u32);
  CHECK_THROWS_AS(narrowed(array_of(ElementType::i64, I{-1, 2147483648ll})), Error);
  CHECK_THROWS_AS(narrowed(array_of(ElementType::i64, I{2147483648ll, -1})), Error);
  CHECK_THROWS_AS(narrowed(array_of(ElementType::i64, I{-2147483649ll})), Error);
  CHECK_THROWS_AS(narrowed(array_of(ElementType::u64, U{4294967296})), Error);
  CHECK_THROWS_AS(narrowed(array_of(ElementType::u64, U{~0ull})), Error);
  CHECK_THROWS_AS(narrowed(array_of(ElementType::i64, I{std::numeric_limits<std::int64_t>::min()})),
                  Error);
  CHECK(narrowed(array_of<std::uint8_t>(ElementType::boolean, {0, 1})).type == ElementType::u8);
  const Array floats = array_of<float>(ElementType::f32, {0.5f});
  CHECK(narrowed(floats) == floats);
}

TEST_CASE("array: labels are whole numbers from any type") {
  const auto labels = [](const Array& array, double slope = 1, double intercept = 0) {
    return label_values(array.data, array.type, "x", slope, intercept);
  };

  CHECK(labels(array_of<std::uint8_t>(ElementType::u8, {0, 255})) == Labels{0, 255});
  CHECK(labels(array_of<std::uint8_t>(ElementType::boolean, {0, 1})) == Labels{0, 1});
  CHECK(labels(array_of<std::int16_t>(ElementType::i16, {0, 850})) == Labels{0, 850});
  CHECK(labels(array_of<std::uint32_t>(ElementType::u32, {4294967295u})) == Labels{4294967295u});
  CHECK(labels(array_of<std::uint64_t>(ElementType::u64, {4294967295u})) == Labels{4294967295u});
  CHECK(labels(array_of<float>(ElementType::f32, {-0.0f, 0.9999f, 2.0001f, -0.4f})) ==
        Labels{0, 1, 2, 0});
  CHECK(labels(array_of<std::uint16_t>(ElementType::f16, {0x4000})) == Labels{2});
  CHECK(labels(array_of<std::uint8_t>(ElementType::u8, {0, 100, 200}), 0.01) == Labels{0, 1, 2});
  CHECK(labels(array_of<std::int8_t>(ElementType::i8, {-128, 127}), 1, 128) == Labels{0, 255});
  CHECK(labels(array_of<std::uint8_t>(ElementType::u8, {})) == Labels{});
}

TEST_CASE("array: what is no label is refused by name") {
  const auto refused = [](const Array& array, double slope = 1, double intercept = 0) {
    try {
      label_values(array.data, array.type, "seg.nii", slope, intercept);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).starts_with("seg.nii: "));
      return error.code() == ErrorCode::bad_format;
    }
    return false;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();

  CHECK(refused(array_of<std::int16_t>(ElementType::i16, {0, -1})));
  CHECK(refused(array_of<float>(ElementType::f32, {0, -0.6f})));
  CHECK(refused(array_of<float>(ElementType::f32, {nan})));
  CHECK(refused(array_of<double>(ElementType::f64, {infinite})));
  CHECK(refused(array_of<double>(ElementType::f64, {4294967295.6})));
  CHECK(refused(array_of<std::uint64_t>(ElementType::u64, {4294967296})));
  CHECK(refused(array_of<std::uint8_t>(ElementType::u8, {1}), -1));
  CHECK(refused(array_of<std::uint8_t>(ElementType::u8, {0}), 1, nan));
}

}  // namespace slicebank
