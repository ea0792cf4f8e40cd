#include "formats/volume.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "formats/internal/elements.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace slicebank {
namespace {

template <typename Element>
Volume volume_of(ElementType type, const std::vector<Element>& elements, double slope = 1,
                 double intercept = 0) {
  Volume volume;
  volume.type = type;
  volume.size_ijk = {static_cast<std::uint32_t>(elements.size()), 1, 1};
  volume.slope = slope;
  volume.intercept = intercept;
  volume.voxels.resize(elements.size() * sizeof(Element));
  std::memcpy(volume.voxels.data(), elements.data(), volume.voxels.size());
  return volume;
}

template <typename Element>
std::vector<Element> elements_of(const Volume& volume) {
  std::vector<Element> elements(volume.voxels.size() / sizeof(Element));
  std::memcpy(elements.data(), volume.voxels.data(), volume.voxels.size());
  return elements;
}

ElementType type_after(ElementType type, double slope, double intercept) {
  Volume volume;
  volume.type = type;
  volume.slope = slope;
  volume.intercept = intercept;
  volume.voxels.resize(element_bytes(type));
  return rescaled(volume, "x").type;
}

// Voxel (i, j, k) of frame f and channel c is a number that says so.
Volume numbered(std::array<std::uint32_t, 3> size, std::uint32_t frames, std::uint32_t channels) {
  Volume volume;
  volume.type = ElementType::u32;
  volume.size_ijk = size;
  volume.frames = frames;
  volume.channels = channels;
  for (std::uint32_t f = 0; f < frames; ++f) {
    for (std::uint32_t k = 0; k < size[2]; ++k) {
      for (std::uint32_t j = 0; j < size[1]; ++j) {
        for (std::uint32_t i = 0; i < size[0]; ++i) {
          for (std::uint32_t c = 0; c < channels; ++c) {
            const std::uint32_t number = ((((f * 10) + k) * 10 + j) * 10 + i) * 10 + c;
            const auto* bytes = reinterpret_cast<const std::byte*>(&number);
            volume.voxels.insert(volume.voxels.end(), bytes, bytes + sizeof number);
          }
        }
      }
    }
  }
  return volume;
}

std::uint32_t pixel(const Image& image, std::size_t row, std::size_t column, std::size_t channel) {
  std::uint32_t number = 0;
  const std::size_t at = (row * image.shape.width + column) * image.shape.channels + channel;
  std::memcpy(&number, image.image_hwc.data() + at * sizeof number, sizeof number);
  return number;
}

Affine turned(double degrees) {
  const double a = degrees * 3.14159265358979 / 180;
  return {std::cos(a), -std::sin(a), 0, 5, std::sin(a), std::cos(a), 0, 6, 0, 0, 1, 7, 0, 0, 0, 1};
}

}  // namespace

TEST_CASE("volume: sides, channels and elements are checked before memory is asked for") {
  const auto code_of = [](const Volume& volume) {
    try {
      check_volume(volume, "x");
    } catch (const Error& error) {
      CHECK(std::string(error.what()).starts_with("x: "));
      return error.code();
    }
    return ErrorCode{};
  };
  Volume volume;
  CHECK(code_of(volume) == ErrorCode{});
  volume.size_ijk = {limits::kImageSideMax, 1, 1};
  CHECK(code_of(volume) == ErrorCode{});
  volume.size_ijk = {limits::kImageSideMax + 1, 1, 1};
  CHECK(code_of(volume) == ErrorCode::limit);
  volume.size_ijk = {1, 0, 1};
  CHECK(code_of(volume) == ErrorCode::bad_format);
  volume.size_ijk = {limits::kImageSideMax, limits::kImageSideMax, 2};
  CHECK(code_of(volume) == ErrorCode::limit);
  volume.size_ijk = {1, 1, 1};
  volume.frames = 0;
  CHECK(code_of(volume) == ErrorCode::bad_format);
  volume.frames = 1;
  volume.channels = limits::kImageChannelsMax + 1;
  CHECK(code_of(volume) == ErrorCode::limit);
  volume.channels = 0;
  CHECK(code_of(volume) == ErrorCode::bad_format);
  volume = numbered({5, 4, 3}, 2, 3);
  CHECK(voxel_bytes(volume) == volume.voxels.size());
}

TEST_CASE("volume: scaled integers get the narrowest type that holds every value they can have") {
  CHECK(type_after(ElementType::u8, 1, -1024) == ElementType::i16);
  CHECK(type_after(ElementType::boolean, 7, 0) == ElementType::i16);
  CHECK(type_after(ElementType::u16, 1, -1024) == ElementType::i32);
  CHECK(type_after(ElementType::i16, 1, -1024) == ElementType::i32);
  CHECK(type_after(ElementType::u8, 200, 0) == ElementType::u16);
  CHECK(type_after(ElementType::u16, 2, 0) == ElementType::i32);
  CHECK(type_after(ElementType::u32, 1, -1) == ElementType::f32);
  CHECK(type_after(ElementType::i32, 1, 2147483648.0) == ElementType::u32);
  CHECK(type_after(ElementType::i32, -1, 0) == ElementType::f32);
  CHECK(type_after(ElementType::i8, -1, 0) == ElementType::i16);
  CHECK(type_after(ElementType::u8, 0.5, 0) == ElementType::f32);
  CHECK(type_after(ElementType::u8, 1, 0.5) == ElementType::f32);
  CHECK(type_after(ElementType::f64, 2, 0) == ElementType::f32);
  CHECK(type_after(ElementType::f16, 2, 0) == ElementType::f32);
  CHECK(type_after(ElementType::u64, 2, 0) == ElementType::f32);
}

TEST_CASE("volume: scaled values are what slope and intercept say") {
  const Volume ct = rescaled(volume_of<std::uint16_t>(ElementType::u16, {0, 4095}, 1, -1024), "x");
  CHECK(elements_of<std::int32_t>(ct) == std::vector<std::int32_t>{-1024, 3071});
  CHECK(!ct.scaled());
  const Volume pet = rescaled(volume_of<std::int16_t>(ElementType::i16, {-2, 3}, 0.5, 0.25), "x");
  CHECK(elements_of<float>(pet) == std::vector<float>{-0.75f, 1.75f});
  const Volume half = rescaled(volume_of<std::uint16_t>(ElementType::f16, {0x3c00}, 3, 0), "x");
  CHECK(elements_of<float>(half) == std::vector<float>{3});
  // 64-bit numbers are narrowed before they are scaled.
  const Volume wide = rescaled(volume_of<std::int64_t>(ElementType::i64, {-5, 100'000}, 1, 1), "x");
  CHECK(elements_of<float>(wide) == std::vector<float>{-4, 100'001});
  CHECK_THROWS_AS(rescaled(volume_of<std::int64_t>(ElementType::i64, {1ll << 40}, 2, 0), "x"),
                  Error);
}

TEST_CASE("volume: unscaled volumes stay as they are, but for types that no pixel has") {
  const Volume before = numbered({5, 4, 3}, 2, 3);
  const Volume after = rescaled(before, "x");
  CHECK(after.type == ElementType::u32);
  CHECK(after.voxels == before.voxels);
  CHECK(after.size_ijk == before.size_ijk);
  CHECK(rescaled(volume_of<std::uint8_t>(ElementType::boolean, {0, 1}), "x").type ==
        ElementType::u8);
  const Volume wide = rescaled(volume_of<std::int64_t>(ElementType::i64, {-1, 7}), "x");
  CHECK(elements_of<std::int32_t>(wide) == std::vector<std::int32_t>{-1, 7});
}

TEST_CASE("volume: a slice along each axis has its rows, columns, frame and channels in place") {
  const std::array<std::uint32_t, 3> size = {5, 4, 3};
  const Volume volume = numbered(size, 2, 3);
  CHECK(slices(volume, Axis::x) == 5);
  CHECK(slices(volume, Axis::y) == 4);
  CHECK(slices(volume, Axis::z) == 3);
  for (const Axis axis : {Axis::x, Axis::y, Axis::z}) {
    CAPTURE(axis_name(axis));
    for (std::uint32_t index = 0; index < slices(volume, axis); ++index) {
      const Image image = slice_of(volume, axis, index, 1);
      REQUIRE(image.shape.height == (axis == Axis::z ? 4 : 3));
      REQUIRE(image.shape.width == (axis == Axis::x ? 4 : 5));
      REQUIRE(image.shape.channels == 3);
      REQUIRE(image.image_hwc.size() == image.shape.bytes());
      for (std::uint32_t row = 0; row < image.shape.height; ++row) {
        for (std::uint32_t column = 0; column < image.shape.width; ++column) {
          const std::uint32_t i = axis == Axis::x ? index : column;
          const std::uint32_t j = axis == Axis::x ? column : axis == Axis::y ? index : row;
          const std::uint32_t k = axis == Axis::z ? index : row;
          for (std::uint32_t c = 0; c < 3; ++c) {
            CHECK(pixel(image, row, column, c) == 10'000 + k * 1000 + j * 100 + i * 10 + c);
          }
        }
      }
    }
  }
}

TEST_CASE("volume: a slice of labels is the slice of the image") {
  const std::array<std::uint32_t, 3> size = {5, 4, 3};
  const Volume volume = numbered(size, 1, 1);
  const std::vector<std::uint32_t> labels = elements_of<std::uint32_t>(volume);
  for (const Axis axis : {Axis::x, Axis::y, Axis::z}) {
    for (std::uint32_t index = 0; index < slices(volume, axis); ++index) {
      const Image image = slice_of(volume, axis, index);
      const std::vector<std::uint32_t> cut = slice_of_labels(labels, size, axis, index);
      REQUIRE(cut.size() == image.shape.pixels());
      CHECK(std::memcmp(cut.data(), image.image_hwc.data(), image.image_hwc.size()) == 0);
    }
  }
  // A side of one voxel makes two axes' steps alike.
  const Volume thin = numbered({1, 4, 3}, 1, 1);
  CHECK(pixel(slice_of(thin, Axis::x, 0), 2, 3, 0) == 2300);
}

TEST_CASE("volume: the letters say where i, j and k point") {
  CHECK(orientation(kIdentityAffine) == "RAS");
  CHECK(orientation({-1, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1}) == "LPS");
  CHECK(orientation({0, 0, 2, 0, -1, 0, 0, 0, 0, -3, 0, 0, 0, 0, 0, 1}) == "PIR");
  CHECK(orientation({0, 0, -1, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 1}) == "AIL");
  CHECK(orientation(turned(40)) == "RAS");
  CHECK(orientation(turned(50)) == "ALS");
  CHECK(orientation(turned(-130)) == "PRS");
  // Between two axes: each is still taken once.
  const Affine oblique = {1, 1, 0, 0, 0.99, 0.98, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  CHECK(orientation(oblique) == "ARS");
  Affine flat = kIdentityAffine;
  flat[5] = 0;
  CHECK(orientation(flat) == "R?S");
}

TEST_CASE("volume: an affine is invertible when its axes are finite and span a space") {
  CHECK(invertible(kIdentityAffine));
  CHECK(invertible(turned(33)));
  CHECK(invertible({1e-4, 0, 0, 0, 0, 1e-4, 0, 0, 0, 0, 1e-4, 0, 0, 0, 0, 1}));
  CHECK(!invertible(Affine{}));
  CHECK(!invertible({1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}));
  CHECK(!invertible({1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}));
  Affine broken = kIdentityAffine;
  broken[3] = std::numeric_limits<double>::quiet_NaN();
  CHECK(!invertible(broken));
  broken[3] = std::numeric_limits<double>::infinity();
  CHECK(!invertible(broken));
}

TEST_CASE("volume: LPS becomes RAS by turning the first two rows") {
  const std::array<double, 9> directions = {0, 1, 0, 0, 0, 1, 1, 0, 0};  // columns: S, L, P

  const Affine affine = affine_from_lps({2, 3, 4}, directions, {10, 20, 30});

  CHECK(affine == Affine{0, -3, 0, -10, 0, 0, -4, -20, 2, 0, 0, 30, 0, 0, 0, 1});
  CHECK(orientation(affine) == "SLP");
  CHECK(spacing_of(affine) == std::array<double, 3>{2, 3, 4});
}

TEST_CASE("volume: grids are the same when every corner is") {
  Volume a = numbered({5, 4, 3}, 1, 1);
  a.affine = turned(20);
  a.spacing_ijk_mm = {1, 1, 1};
  Volume b = a;
  b.frames = 7;  // no matter of the grid
  CHECK(same_grid(a, b));
  (*b.affine)[3] += 0.005;
  CHECK(same_grid(a, b));
  (*b.affine)[3] += 0.02;
  CHECK(!same_grid(a, b));
  CHECK(same_grid(a, b, 0.1));
  b = a;
  (*b.affine)[0] += 0.004;  // 4 steps along i: 0.016 at the far corner
  CHECK(!same_grid(a, b));
  b = a;
  b.size_ijk = {5, 3, 4};
  CHECK(!same_grid(a, b));
  b = a;
  (*b.affine)[3] = std::numeric_limits<double>::quiet_NaN();
  CHECK(!same_grid(a, b));
}

TEST_CASE("volume: without an affine the spacing decides, and without that the size") {
  Volume a = numbered({5, 4, 3}, 1, 1);
  a.affine = kIdentityAffine;
  a.spacing_ijk_mm = {1, 1, 1};
  Volume b = a;
  b.affine.reset();
  CHECK(same_grid(a, b));
  CHECK(same_grid(b, a));
  b.spacing_ijk_mm = {1, 1, 1.5};
  CHECK(!same_grid(a, b));
  b.spacing_ijk_mm.reset();
  CHECK(same_grid(a, b));
  b.size_ijk[2] = 4;
  CHECK(!same_grid(a, b));
}

}  // namespace slicebank
