#include "exporters/internal/window.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "schema/error.h"

namespace {

using slicebank::ExportOptions;
using slicebank::Image;
using slicebank::PixelType;
using slicebank::exporting::Window;

template <typename Stored>
Image row(PixelType type, const std::vector<Stored>& values) {
  Image image{{type, 1, static_cast<std::uint32_t>(values.size()), 1}, {}};
  image.image_hwc.resize(values.size() * sizeof(Stored));
  std::memcpy(image.image_hwc.data(), values.data(), image.image_hwc.size());
  return image;
}

template <typename Stored>
std::vector<int> windowed(PixelType type, const std::vector<Stored>& values, Window window) {
  const Image out = slicebank::exporting::apply_window(row(type, values).view(), window);
  CHECK(out.shape.pixel_type == PixelType::u8);
  std::vector<int> pixels;
  for (const auto byte : out.image_hwc) pixels.push_back(std::to_integer<int>(byte));
  return pixels;
}

ExportOptions with_window(const std::string& text) {
  ExportOptions options;
  options.format = "sa-med2d";
  options.settings["window"] = text;
  return options;
}

}  // namespace

TEST_CASE("window: soft tissue in CT runs from -160 to 240 HU") {
  const std::vector<std::int16_t> hu = {-1024, -160, -159, 40, 239, 240, 3000};
  const std::vector<int> expected = {0, 0, 1, 128, 254, 255, 255};
  CHECK(windowed(PixelType::i16, hu, {40, 400}) == expected);
}

TEST_CASE("window: every pixel type gives the same for the same values") {
  const std::vector<int> expected = {0, 51, 102, 128, 255};
  const Window window{50, 100};  // 0 to 100
  CHECK(windowed<std::uint8_t>(PixelType::u8, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<std::int8_t>(PixelType::i8, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<std::uint16_t>(PixelType::u16, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<std::int16_t>(PixelType::i16, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<std::uint32_t>(PixelType::u32, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<std::int32_t>(PixelType::i32, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<float>(PixelType::f32, {0, 20, 40, 50, 100}, window) == expected);
  CHECK(windowed<double>(PixelType::f64, {0, 20, 40, 50, 100}, window) == expected);
  // 0, 20, 40, 50, 100 in half precision.
  const std::vector<std::uint16_t> half = {0x0000, 0x4D00, 0x5100, 0x5240, 0x5640};
  CHECK(windowed(PixelType::f16, half, window) == expected);
}

TEST_CASE("window: NaN becomes 0, infinities the ends") {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<int> expected = {0, 0, 255};
  CHECK(windowed<float>(PixelType::f32, {std::nanf(""), -inf, inf}, {0, 10}) == expected);
  // Half precision: NaN, -inf, inf.
  CHECK(windowed<std::uint16_t>(PixelType::f16, {0x7E00, 0xFC00, 0x7C00}, {0, 10}) == expected);
  // Its smallest number, and its negative largest.
  const std::vector<int> ends = {255, 0};
  CHECK(windowed<std::uint16_t>(PixelType::f16, {0x0001, 0xFBFF}, {0, 1e-8}) == ends);
}

TEST_CASE("window: the setting is level/width and nothing else") {
  CHECK_FALSE(slicebank::exporting::window_setting({}).has_value());
  const auto window = slicebank::exporting::window_setting(with_window("-600/1500"));
  REQUIRE(window.has_value());
  CHECK(window->level == -600);
  CHECK(window->width == 1500);
  for (const char* text : {"40", "40/", "/400", "40/0", "40/-1", "40/400x", "a/b", "nan/1",
                           "40/inf", "40 /400", "40,5/400"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(slicebank::exporting::window_setting(with_window(text)), slicebank::Error);
  }
}
