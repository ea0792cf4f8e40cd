#include "exporters/picture.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

#include "bench/phantom.h"
#include "formats/png.h"
#include "schema/error.h"
#include "tests/support/shared_data.h"

namespace slicebank {
namespace {

Rgb pixel(const Image& rgb, std::uint32_t x, std::uint32_t y) {
  Rgb colour{};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    colour[channel] = std::to_integer<std::uint8_t>(
        rgb.image_hwc[(std::size_t{y} * rgb.shape.width + x) * 3 + channel]);
  }
  return colour;
}

Image blank(std::uint32_t width, std::uint32_t height) {
  Image image{{PixelType::u8, height, width, 3}, {}};
  image.image_hwc.resize(image.shape.bytes());
  return image;
}

template <typename Pixel>
Image from_values(PixelType type, std::uint32_t width, std::uint32_t height,
                  const std::vector<Pixel>& values, std::uint32_t channels = 1) {
  Image image{{type, height, width, channels}, {}};
  image.image_hwc.resize(values.size() * sizeof(Pixel));
  std::memcpy(image.image_hwc.data(), values.data(), image.image_hwc.size());
  REQUIRE(image.image_hwc.size() == image.shape.bytes());
  return image;
}

Sample gray_sample(std::uint32_t width, std::uint32_t height, std::uint8_t level) {
  Sample sample;
  sample.name = "test";
  sample.image = from_values<std::uint8_t>(
      PixelType::u8, width, height, std::vector<std::uint8_t>(std::size_t{width} * height, level));
  return sample;
}

Mask rectangle(const Sample& sample, ClassId id, const Box& box) {
  Mask mask;
  mask.class_id = id;
  const std::uint32_t width = sample.image.shape.width;
  mask.mask_hw.resize(sample.image.shape.pixels());
  for (std::uint32_t y = box.y0; y < box.y1; ++y) {
    for (std::uint32_t x = box.x0; x < box.x1; ++x) mask.mask_hw[y * width + x] = 1;
  }
  return mask;
}

OverlayOptions bare(std::uint32_t scale) {
  OverlayOptions options;
  options.scale = scale;
  options.legend = false;
  return options;
}

int distance(const Rgb& a, const Rgb& b) {
  int sum = 0;
  for (std::size_t channel = 0; channel < 3; ++channel) sum += std::abs(a[channel] - b[channel]);
  return sum;
}

std::size_t count_colour(const Image& rgb, const Rgb& colour) {
  std::size_t count = 0;
  for (std::uint32_t y = 0; y < rgb.shape.height; ++y) {
    for (std::uint32_t x = 0; x < rgb.shape.width; ++x) {
      if (pixel(rgb, x, y) == colour) ++count;
    }
  }
  return count;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

// Whether a mask pixel at the drawn scale touches the outside or the picture's edge.
bool on_inner_boundary(const Mask& mask, const ImageShape& shape, std::uint32_t scale,
                       std::uint32_t x, std::uint32_t y) {
  const auto inside = [&](std::int64_t at_x, std::int64_t at_y) {
    if (at_x < 0 || at_y < 0) return false;
    const auto column = static_cast<std::uint64_t>(at_x) / scale;
    const auto row = static_cast<std::uint64_t>(at_y) / scale;
    if (column >= shape.width || row >= shape.height) return false;
    return mask.mask_hw[row * shape.width + column] != 0;
  };
  const std::int64_t at_x = x;
  const std::int64_t at_y = y;
  return inside(at_x, at_y) && !(inside(at_x - 1, at_y) && inside(at_x + 1, at_y) &&
                                 inside(at_x, at_y - 1) && inside(at_x, at_y + 1));
}

}  // namespace

TEST_CASE("picture: a class keeps its colour for ever, and neighbours differ clearly") {
  // These are what banks have been shown in; a change would recolour every picture.
  CHECK(class_colour(ClassId{0}) == Rgb{255, 64, 64});
  CHECK(class_colour(ClassId{7}) == Rgb{160, 90, 255});
  CHECK(class_colour(ClassId{13}) == Rgb{255, 135, 135});
  CHECK(class_colour(ClassId{26}) == Rgb{182, 45, 45});

  for (std::uint32_t id = 0; id < 3000; ++id) {
    CAPTURE(id);
    const Rgb colour = class_colour(ClassId{id});
    CHECK(distance(colour, class_colour(ClassId{id + 1})) > 150);
    CHECK(distance(colour, class_colour(ClassId{id + 13})) > 60);
    CHECK(distance(colour, {0, 0, 0}) > 150);
    CHECK(distance(colour, {255, 255, 255}) > 60);
  }
}

TEST_CASE("picture: gray and RGB of 8 bits are shown as they are") {
  const Image gray = from_values<std::uint8_t>(PixelType::u8, 2, 1, {0, 200});
  const Image colour = from_values<std::uint8_t>(PixelType::u8, 1, 1, {10, 20, 30}, 3);
  const Image two = from_values<std::uint8_t>(PixelType::u8, 1, 1, {77, 5}, 2);

  CHECK(pixel(to_rgb8(gray.view()), 1, 0) == Rgb{200, 200, 200});
  CHECK(pixel(to_rgb8(colour.view()), 0, 0) == Rgb{10, 20, 30});
  CHECK(pixel(to_rgb8(two.view()), 0, 0) == Rgb{77, 77, 77});
}

TEST_CASE("picture: wide pixels are stretched between their 0.5 and 99.5 percentile") {
  std::vector<std::int16_t> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int16_t>(i);
  values[0] = -30000;  // one wild value at each end must not darken the rest
  values[999] = 30000;

  const Image rgb = to_rgb8(from_values(PixelType::i16, 100, 10, values).view());

  CHECK(pixel(rgb, 0, 0)[0] == 0);
  CHECK(pixel(rgb, 99, 9)[0] == 255);
  CHECK(std::abs(pixel(rgb, 0, 5)[0] - 128) <= 2);  // 500 of 0 to 1000
  CHECK(pixel(rgb, 4, 0)[0] == 0);                  // the percentile itself
}

TEST_CASE("picture: every pixel type gives the same gray ramp") {
  const std::vector<double> ramp = {0, 25, 50, 75, 100};
  const auto grays = [](const Image& image) {
    std::vector<int> out;
    const Image rgb = to_rgb8(image.view());
    for (std::uint32_t x = 0; x < rgb.shape.width; ++x) out.push_back(pixel(rgb, x, 0)[0]);
    return out;
  };
  const auto as = [&](PixelType type, auto zero) {
    std::vector<decltype(zero)> values;
    for (const double value : ramp) values.push_back(static_cast<decltype(zero)>(value));
    return grays(from_values(type, 5, 1, values));
  };
  const std::vector<int> wanted = as(PixelType::f64, 0.0);
  REQUIRE(wanted.front() == 0);
  REQUIRE(std::is_sorted(wanted.begin(), wanted.end()));
  REQUIRE(wanted.back() == 255);

  CHECK(as(PixelType::f32, 0.0f) == wanted);
  CHECK(as(PixelType::i8, std::int8_t{}) == wanted);
  CHECK(as(PixelType::u16, std::uint16_t{}) == wanted);
  CHECK(as(PixelType::i16, std::int16_t{}) == wanted);
  CHECK(as(PixelType::u32, std::uint32_t{}) == wanted);
  CHECK(as(PixelType::i32, std::int32_t{}) == wanted);
  // Half floats: 0, 25, 50, 75, 100.
  CHECK(grays(from_values<std::uint16_t>(PixelType::f16, 5, 1,
                                         {0x0000, 0x4e40, 0x5240, 0x54b0, 0x5640})) == wanted);
}

TEST_CASE("picture: values that are no numbers are black and do not spoil the rest") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Image image = from_values<float>(PixelType::f32, 6, 1, {nan, 0, 1, 2, infinity, -infinity});

  const Image rgb = to_rgb8(image.view());

  CHECK(pixel(rgb, 0, 0)[0] == 0);
  CHECK(pixel(rgb, 3, 0)[0] == 255);
  CHECK(pixel(rgb, 4, 0)[0] == 255);
  CHECK(pixel(rgb, 5, 0)[0] == 0);
}

TEST_CASE("picture: constant, all-NaN and nearly empty images are drawn") {
  std::vector<std::uint16_t> sparse(10'000, 7);
  sparse[5000] = 900;
  const float nan = std::numeric_limits<float>::quiet_NaN();

  const Image one_spot = to_rgb8(from_values(PixelType::u16, 100, 100, sparse).view());
  const Image constant = to_rgb8(from_values<std::int32_t>(PixelType::i32, 2, 1, {-5, -5}).view());
  const Image nothing = to_rgb8(from_values<float>(PixelType::f32, 2, 1, {nan, nan}).view());

  CHECK(pixel(one_spot, 0, 50)[0] == 255);
  CHECK(pixel(one_spot, 1, 50)[0] == 0);
  CHECK(pixel(constant, 0, 0) == Rgb{0, 0, 0});
  CHECK(pixel(nothing, 0, 0) == Rgb{0, 0, 0});
}

TEST_CASE("picture: an image whose bytes do not match its shape is refused") {
  const Image image = from_values<std::uint8_t>(PixelType::u8, 2, 2, {1, 2, 3, 4});
  const ImageView cut{image.shape, Bytes(image.image_hwc).first(3)};

  CHECK_THROWS_AS(to_rgb8(cut), Error);
  CHECK_THROWS_AS(fit(image, 10, 10), Error);  // not RGB
}

TEST_CASE("picture: fit enlarges by a whole factor and reduces to the mean") {
  Image small = blank(2, 1);
  small.image_hwc[0] = std::byte{100};
  const Image larger = fit(small, 7, 9);
  CHECK(larger.shape.width == 6);
  CHECK(larger.shape.height == 3);
  CHECK(pixel(larger, 2, 2) == Rgb{100, 0, 0});
  CHECK(pixel(larger, 3, 2) == Rgb{0, 0, 0});

  Image wide = blank(8, 2);
  for (std::uint32_t i = 0; i < 16; ++i) wide.image_hwc[i * 3] = std::byte{static_cast<uint8_t>(i)};
  const Image reduced = fit(wide, 4, 4);
  CHECK(reduced.shape.width == 4);
  CHECK(reduced.shape.height == 1);
  CHECK(pixel(reduced, 0, 0)[0] == 5);  // the mean of 0, 1, 8, 9, rounded up
  CHECK(pixel(reduced, 3, 0)[0] == 11);

  CHECK(fit(wide, 8, 100).image_hwc == wide.image_hwc);
  CHECK(fit(blank(1000, 1), 10, 10).shape.height == 1);
}

TEST_CASE("picture: an outline is the inner boundary, one drawn pixel wide, at every scale") {
  const std::uint64_t seed = 20'240'917;
  std::uint64_t state = seed;
  const auto next = [&] {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<std::uint32_t>(state >> 33);
  };
  for (int round = 0; round < 60; ++round) {
    INFO("seed " << seed << ", round " << round);
    Sample sample = gray_sample(1 + next() % 40, 1 + next() % 40, 90);
    Mask mask = rectangle(sample, ClassId{3}, {});
    // Blobs and single pixels: dense in some rounds, sparse in others.
    const std::uint32_t density = 1 + next() % 99;
    for (std::uint8_t& value : mask.mask_hw) value = next() % 100 < density ? 1 : 0;
    sample.masks = {mask};
    const std::uint32_t scale = 1 + next() % 4;

    const Image picture = draw_overlay(sample, Taxonomy::builtin(), bare(scale));

    REQUIRE(picture.shape.width == sample.image.shape.width * scale);
    std::size_t wrong = 0;
    for (std::uint32_t y = 0; y < picture.shape.height; ++y) {
      for (std::uint32_t x = 0; x < picture.shape.width; ++x) {
        const bool line = on_inner_boundary(mask, sample.image.shape, scale, x, y);
        const Rgb wanted = line ? class_colour(ClassId{3}) : Rgb{90, 90, 90};
        if (pixel(picture, x, y) != wanted) ++wrong;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("picture: the line of a small mask lies over the line of a large one") {
  Sample sample = gray_sample(20, 20, 50);
  sample.masks = {rectangle(sample, ClassId{2}, {5, 5, 9, 9}),
                  rectangle(sample, ClassId{1}, {5, 5, 18, 18})};

  const Image picture = draw_overlay(sample, Taxonomy::builtin(), bare(1));

  CHECK(pixel(picture, 5, 5) == class_colour(ClassId{2}));
  CHECK(pixel(picture, 17, 17) == class_colour(ClassId{1}));
  CHECK(pixel(picture, 6, 6) == Rgb{50, 50, 50});
}

TEST_CASE("picture: fill tints the inside and nothing else") {
  Sample sample = gray_sample(12, 12, 50);
  sample.masks = {rectangle(sample, ClassId{1}, {2, 2, 10, 10})};
  OverlayOptions options = bare(1);
  options.fill = true;

  const Image picture = draw_overlay(sample, Taxonomy::builtin(), options);

  CHECK(pixel(picture, 5, 5) != Rgb{50, 50, 50});
  CHECK(pixel(picture, 5, 5) != class_colour(ClassId{1}));
  CHECK(pixel(picture, 1, 1) == Rgb{50, 50, 50});
}

TEST_CASE("picture: small slices are enlarged, large ones are left alone") {
  const OverlayOptions options = bare(0);
  const Taxonomy& taxonomy = Taxonomy::builtin();

  CHECK(draw_overlay(gray_sample(28, 28, 9), taxonomy, options).shape.width == 28 * 16);
  CHECK(draw_overlay(gray_sample(200, 300, 9), taxonomy, options).shape.height == 600);
  CHECK(draw_overlay(gray_sample(1200, 700, 9), taxonomy, options).shape.width == 1200);
}

TEST_CASE("picture: the legend has one swatch a class, with its name and area") {
  const auto liver = Taxonomy::builtin().find_class("liver");
  REQUIRE(liver.has_value());
  Sample sample = gray_sample(64, 64, 40);
  sample.masks = {rectangle(sample, *liver, {1, 1, 21, 21}),
                  rectangle(sample, *liver, {30, 30, 40, 41}),
                  rectangle(sample, ClassId{}, {50, 50, 60, 60})};
  sample.masks[2].raw_class = 4;
  OverlayOptions options;
  options.scale = 1;

  const Image picture = draw_overlay(sample, Taxonomy::builtin(), options);

  REQUIRE(picture.shape.width > 64 + 60);
  // Outlines of the two livers: 76 and 38 pixels; the swatch has 81.
  CHECK(count_colour(picture, class_colour(*liver)) == 76 + 38 + 81);
  CHECK(count_colour(picture, class_colour(ClassId{4})) == 36 + 81);
  // The name is drawn beside its swatch exactly as draw_text draws it.
  Image text = blank(picture.shape.width, picture.shape.height);
  std::uint32_t swatch_x = 0;
  std::uint32_t swatch_y = 0;
  for (std::uint32_t at = 0; at < picture.shape.height * picture.shape.width; ++at) {
    const std::uint32_t x = at % picture.shape.width;
    const std::uint32_t y = at / picture.shape.width;
    if (x <= 64 || pixel(picture, x, y) != class_colour(*liver)) continue;
    swatch_x = x;
    swatch_y = y;
    break;
  }
  draw_text(text, swatch_x + 15, swatch_y + 1, "liver", {255, 255, 255});
  draw_text(text, swatch_x + 15 + 7 * 6, swatch_y + 1, "510 px in 2", {255, 255, 255});
  std::size_t ink = 0;
  std::size_t wrong = 0;
  for (std::uint32_t y = swatch_y; y < swatch_y + 12; ++y) {
    for (std::uint32_t x = swatch_x + 10; x < picture.shape.width; ++x) {
      const bool wanted = pixel(text, x, y)[0] != 0;
      const bool drawn = pixel(picture, x, y)[0] > 100;
      if (wanted) ++ink;
      if (wanted != drawn) ++wrong;
    }
  }
  CHECK(ink > 100);
  CHECK(wrong == 0);
}

TEST_CASE("picture: labels and empty masks appear in the legend") {
  Sample sample = gray_sample(64, 64, 40);
  sample.masks = {rectangle(sample, ClassId{5}, {})};
  sample.labels = {{ClassId{9}, 0, 1}};
  OverlayOptions options;
  options.scale = 1;

  const Image picture = draw_overlay(sample, Taxonomy::builtin(), options);

  CHECK(count_colour(picture, class_colour(ClassId{5})) == 81);
  CHECK(count_colour(picture, class_colour(ClassId{9})) == 81);
}

TEST_CASE("picture: thousands of classes end in a line that counts the rest") {
  Sample sample = gray_sample(16, 16, 40);
  for (std::uint32_t id = 1; id <= 500; ++id) {
    sample.masks.push_back(rectangle(sample, ClassId{id}, {0, 0, 1, 1}));
  }

  const Image picture = draw_overlay(sample, Taxonomy::builtin(), {});

  CHECK(picture.shape.height < 1300);
}

TEST_CASE("picture: a title takes a line above, and is cut where the picture ends") {
  const Sample sample = gray_sample(256, 256, 40);
  OverlayOptions options = bare(1);
  options.title = std::string(500, 'M');

  const Image picture = draw_overlay(sample, Taxonomy::builtin(), options);

  CHECK(picture.shape.width == 256);
  CHECK(picture.shape.height > 256 + 9);
  CHECK(picture.shape.height < 256 + 24);
  CHECK(pixel(picture, 100, picture.shape.height - 1) == Rgb{40, 40, 40});
}

TEST_CASE("picture: what cannot be drawn is refused with its reason") {
  Sample sample = gray_sample(8, 8, 0);
  sample.masks = {rectangle(sample, ClassId{1}, {0, 0, 2, 2})};
  sample.masks[0].mask_hw.pop_back();
  CHECK_THROWS_AS(draw_overlay(sample, Taxonomy::builtin(), {}), Error);
  CHECK_THROWS_AS(contact_sheet({{sample, ""}}, Taxonomy::builtin()), Error);

  const Sample good = gray_sample(8, 8, 0);
  CHECK_THROWS_AS(draw_overlay(good, Taxonomy::builtin(), bare(10'000)), Error);
  CHECK_THROWS_AS(contact_sheet({}, Taxonomy::builtin()), Error);
  CHECK_THROWS_AS(contact_sheet({{good, ""}}, Taxonomy::builtin(), 4), Error);
}

TEST_CASE("picture: all printable letters differ, and none is empty but the blank") {
  std::set<std::string> shapes;
  for (char letter = ' '; letter <= '~'; ++letter) {
    Image image = blank(6, 10);
    draw_text(image, 0, 0, std::string(1, letter), {255, 255, 255});
    CAPTURE(letter);
    CHECK((count_colour(image, {255, 255, 255}) == 0) == (letter == ' '));
    for (std::uint32_t y = 0; y < 10; ++y) CHECK(pixel(image, 5, y)[0] == 0);  // the gap
    std::string shape;
    for (std::uint32_t at = 0; at < 60; ++at)
      shape += pixel(image, at % 6, at / 6)[0] != 0 ? '#' : '.';
    shapes.insert(shape);
  }
  CHECK(shapes.size() == 95);
}

TEST_CASE("picture: text is clipped at every edge") {
  Image image = blank(10, 5);
  draw_text(image, 7, 3, "clipped", {9, 9, 9}, 3);
  draw_text(image, 4'000'000'000u, 4'000'000'000u, "far away", {9, 9, 9});
  draw_text(image, 0, 0, std::string(100'000, 'x'), {9, 9, 9});
  CHECK(image.image_hwc.size() == 150);
  CHECK(count_colour(image, {9, 9, 9}) > 0);
}

TEST_CASE("picture: a letter beyond ASCII is one box") {
  Image umlaut = blank(12, 10);
  Image box = blank(12, 10);
  draw_text(umlaut, 0, 0, "\xc3\xa4i", {255, 255, 255});
  draw_text(box, 0, 0, "\x01i", {255, 255, 255});
  CHECK(umlaut.image_hwc == box.image_hwc);
}

TEST_CASE("picture: letters grow with the scale") {
  Image once = blank(6, 10);
  Image thrice = blank(18, 30);
  draw_text(once, 0, 0, "g", {255, 255, 255});
  draw_text(thrice, 0, 0, "g", {255, 255, 255}, 3);
  CHECK(fit(once, 18, 30).image_hwc == thrice.image_hwc);
}

TEST_CASE("picture: a contact sheet holds every tile, whatever its size and shape") {
  std::vector<Tile> tiles;
  const std::uint32_t sides[][2] = {{28, 28}, {700, 300}, {64, 640}, {100, 100}, {1, 1}};
  for (const auto& side : sides) {
    Sample sample = gray_sample(side[0], side[1], 201);
    sample.masks = {rectangle(sample, ClassId{1}, {0, 0, 1, 1})};
    tiles.push_back({sample, "caption that is much too long for a tile of this size"});
  }

  const Image sheet = contact_sheet(tiles, Taxonomy::builtin(), 100, 3);

  CHECK(sheet.shape.width == 8 + 3 * 108);
  CHECK(sheet.shape.height > 8 + 2 * 122);
  // The middle of each tile's place shows its image; a mask of one pixel is never lost.
  for (std::uint32_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(pixel(sheet, 8 + i % 3 * 108 + 50, 8 + i / 3 * 122 + 50) == Rgb{201, 201, 201});
  }
  const std::size_t swatch = 81;
  const std::size_t lone_pixel = 100 * 100;  // 1 x 1 enlarged to fill its tile: all mask
  const std::size_t lone_line = 4 * 99;
  CHECK(count_colour(sheet, class_colour(ClassId{1})) >= swatch + lone_line);
  CHECK(count_colour(sheet, class_colour(ClassId{1})) < swatch + lone_pixel);
}

TEST_CASE("picture: a sheet's legend names each class once") {
  std::vector<Tile> tiles;
  for (int i = 0; i < 4; ++i) {
    Sample sample = gray_sample(64, 64, 30);
    sample.masks = {rectangle(sample, ClassId{6}, {})};  // empty: only the legend shows it
    tiles.push_back({sample, ""});
  }

  const Image sheet = contact_sheet(tiles, Taxonomy::builtin(), 64, 2);

  CHECK(count_colour(sheet, class_colour(ClassId{6})) == 81);
}

TEST_CASE("picture: phantom slices of every kind are drawn alike twice") {
  for (const char* kind : {"ct", "mr", "fundus", "ultrasound"}) {
    CAPTURE(kind);
    const Sample sample = phantom::make_slice(kind, 3, 1, 20, 64);
    const Image first = draw_overlay(sample, Taxonomy::builtin(), {});
    CHECK(first == draw_overlay(sample, Taxonomy::builtin(), {}));
    CHECK(first.shape.width > 64);
  }
}

TEST_CASE("picture: on real slices every outline pixel belongs to its mask's border") {
  SLICEBANK_SHARED_OR_SKIP(demo, "sam-med2d/data_demo");
  for (const std::string stem : {"amos_0006_90", "s0114_111"}) {
    CAPTURE(stem);
    Sample sample;
    sample.image = png::decode(read_file(demo / "images" / (stem + ".png")), stem).image;
    for (const auto& entry : std::filesystem::directory_iterator(demo / "masks")) {
      const std::string name = entry.path().filename().string();
      if (name.rfind(stem, 0) != 0) continue;
      Mask mask;
      mask.raw_class = static_cast<std::uint32_t>(sample.masks.size() + 1);
      for (const std::byte value : png::decode(read_file(entry.path()), name).image.image_hwc) {
        mask.mask_hw.push_back(value == std::byte{0} ? 0 : 1);
      }
      sample.masks.push_back(mask);
    }
    REQUIRE(sample.masks.size() >= 4);

    for (const Mask& mask : sample.masks) {
      Sample one = sample;
      one.masks = {mask};
      const Image plain = to_rgb8(one.image.view());
      const Image picture = draw_overlay(one, Taxonomy::builtin(), bare(1));
      std::size_t wrong = 0;
      std::size_t line = 0;
      for (std::uint32_t y = 0; y < picture.shape.height; ++y) {
        for (std::uint32_t x = 0; x < picture.shape.width; ++x) {
          const bool border = on_inner_boundary(mask, one.image.shape, 1, x, y);
          const Rgb wanted = border ? class_colour(ClassId{mask.raw_class}) : pixel(plain, x, y);
          if (border) ++line;
          if (pixel(picture, x, y) != wanted) ++wrong;
        }
      }
      CHECK(line > 0);
      CHECK(wrong == 0);
    }
  }
}

}  // namespace slicebank
