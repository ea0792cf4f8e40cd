// Every transform against its definition, pixel by pixel, in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "query/internal/batch_pixels.h"
#include "query/internal/resample.h"
#include "query/loader.h"
#include "schema/error.h"
#include "tests/query/loader_bank.h"

namespace slicebank {
namespace {

using testing::blob;
using testing::DrawnSample;
using testing::image_of;
using testing::LoaderBank;
using testing::random_image;

constexpr std::uint64_t kSeed = 20261121;

using Field = std::function<double(std::int64_t y, std::int64_t x)>;

double value_of(const Image& image, std::int64_t y, std::int64_t x, std::uint32_t channel) {
  const std::size_t at =
      (static_cast<std::size_t>(y) * image.shape.width + static_cast<std::size_t>(x)) *
          image.shape.channels +
      channel;
  const std::byte* bytes = image.image_hwc.data() + at * pixel_bytes(image.shape.pixel_type);
  const auto as = [&](auto value) {
    std::memcpy(&value, bytes, sizeof value);
    return static_cast<double>(value);
  };
  switch (image.shape.pixel_type) {
    case PixelType::u8:
      return as(std::uint8_t{});
    case PixelType::i8:
      return as(std::int8_t{});
    case PixelType::u16:
      return as(std::uint16_t{});
    case PixelType::i16:
      return as(std::int16_t{});
    case PixelType::u32:
      return as(std::uint32_t{});
    case PixelType::i32:
      return as(std::int32_t{});
    case PixelType::f32:
      return as(float{});
    case PixelType::f64:
      return as(double{});
    case PixelType::f16:
      break;
  }
  FAIL("no such type here");
  return 0;
}

// The average of a field over [y, y + scale_y) x [x, x + scale_x), pixel by pixel.
double area_mean(const Field& field, std::uint32_t height, std::uint32_t width, double y, double x,
                 double scale_y, double scale_x) {
  double sum = 0;
  for (std::uint32_t v = 0; v < height; ++v) {
    const double rows = std::min(v + 1.0, y + scale_y) - std::max<double>(v, y);
    if (rows <= 0) continue;
    for (std::uint32_t u = 0; u < width; ++u) {
      const double columns = std::min(u + 1.0, x + scale_x) - std::max<double>(u, x);
      if (columns > 0) sum += rows * columns * field(v, u);
    }
  }
  return sum / (scale_y * scale_x);
}

double bilinear(const Field& field, std::uint32_t height, std::uint32_t width, double y, double x) {
  const auto clamped = [](double at, std::uint32_t side) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(at), 0, side - 1);
  };
  const double y0 = std::floor(y);
  const double x0 = std::floor(x);
  const double dy = y - y0;
  const double dx = x - x0;
  const auto at = [&](double v, double u) { return field(clamped(v, height), clamped(u, width)); };
  return (1 - dy) * ((1 - dx) * at(y0, x0) + dx * at(y0, x0 + 1)) +
         dy * ((1 - dx) * at(y0 + 1, x0) + dx * at(y0 + 1, x0 + 1));
}

// The pixel (y, x) of the output, found backwards: turn, padding, resize, crop, intensity.
double expected(const BatchSpec& spec, const Placement& placement, const Field& mapped,
                std::uint32_t y, std::uint32_t x, double padding) {
  Size output = placement.canvas;
  if (placement.transpose) std::swap(output.height, output.width);
  std::int64_t v = placement.flip_vertical ? output.height - 1 - y : y;
  std::int64_t u = placement.flip_horizontal ? output.width - 1 - x : x;
  if (placement.transpose) std::swap(v, u);
  const Box inner = placement.inner;
  if (v < inner.y0 || v >= inner.y1 || u < inner.x0 || u >= inner.x1) return padding;
  const Box crop = placement.crop;
  const std::uint32_t crop_h = crop.y1 - crop.y0;
  const std::uint32_t crop_w = crop.x1 - crop.x0;
  const double scale_y = static_cast<double>(crop_h) / (inner.y1 - inner.y0);
  const double scale_x = static_cast<double>(crop_w) / (inner.x1 - inner.x0);
  const double i = static_cast<double>(v - inner.y0);
  const double j = static_cast<double>(u - inner.x0);
  const Field field = [&](std::int64_t b, std::int64_t a) {
    return mapped(crop.y0 + b, crop.x0 + a);
  };
  switch (spec.filter) {
    case ImageFilter::nearest:
      // One rounding only: the centre may lie on the border of two pixels.
      return field(
          static_cast<std::int64_t>(std::ceil((i + 0.5) * crop_h / (inner.y1 - inner.y0))) - 1,
          static_cast<std::int64_t>(std::ceil((j + 0.5) * crop_w / (inner.x1 - inner.x0))) - 1);
    case ImageFilter::area:
      if (scale_y >= 1 && scale_x >= 1) {
        return area_mean(field, crop_h, crop_w, i * scale_y, j * scale_x, scale_y, scale_x);
      }
      break;
    case ImageFilter::bilinear:
      break;
  }
  return bilinear(field, crop_h, crop_w, (i + 0.5) * scale_y - 0.5, (j + 0.5) * scale_x - 0.5);
}

// All of a batch of one against the definition.
void check_image(const BatchSpec& spec, const Batch& batch, const Image& source,
                 const std::function<double(double value, std::uint32_t channel)>& map,
                 double tolerance) {
  REQUIRE(batch.size == 1);
  const auto values = batch.images.as<float>();
  REQUIRE(values.size() == std::size_t{batch.channels} * batch.height * batch.width);
  double worst = 0;
  for (std::uint32_t c = 0; c < batch.channels; ++c) {
    const Field field = [&](std::int64_t y, std::int64_t x) {
      return map(value_of(source, y, x, std::min(c, source.shape.channels - 1)), c);
    };
    for (std::uint32_t y = 0; y < batch.height; ++y) {
      for (std::uint32_t x = 0; x < batch.width; ++x) {
        const double wanted = expected(spec, batch.items[0].placement, field, y, x, spec.pad.value);
        const std::size_t pixel = std::size_t{y} * batch.width + x;
        const std::size_t at = batch.layout == Layout::nchw
                                   ? std::size_t{c} * batch.height * batch.width + pixel
                                   : pixel * batch.channels + c;
        worst = std::max(worst, std::abs(static_cast<double>(values[at]) - wanted));
      }
    }
  }
  CHECK(worst <= tolerance);
}

double unmapped(double value, std::uint32_t) { return value; }

// One sample in a bank of its own.
struct OneSample {
  LoaderBank drawn;
  SampleId id{};
  Bank bank;

  explicit OneSample(DrawnSample sample) : id(drawn.add(std::move(sample))), bank(drawn.bank()) {}
  const Image& image() const { return drawn.samples()[0].image; }
};

OneSample gradient(std::uint32_t height, std::uint32_t width, std::uint32_t channels) {
  SplitMix random(kSeed + height * 1000 + width);
  DrawnSample sample;
  sample.image = random_image<std::int16_t>(PixelType::i16, height, width, channels, 4000, random);
  sample.masks.push_back({"liver", 0, blob(height, width, {1, 2, width - 1, height})});
  return OneSample(std::move(sample));
}

TEST_CASE("loader: crops, resizes and pads as defined, for every filter, size and turn") {
  const std::array<std::array<Size, 2>, 8> sizes{{{{{37, 53}, {37, 53}}},
                                                  {{{37, 53}, {16, 24}}},
                                                  {{{37, 53}, {80, 61}}},
                                                  {{{64, 64}, {32, 32}}},
                                                  {{{64, 40}, {33, 77}}},
                                                  {{{5, 3}, {64, 64}}},
                                                  {{{1, 9}, {4, 3}}},
                                                  {{{50, 50}, {7, 7}}}}};
  std::uint64_t position = 0;
  for (const auto& pair : sizes) {
    const Size source = pair[0];
    const Size target = pair[1];
    const OneSample one = gradient(source.height, source.width, 1);
    for (const auto filter : {ImageFilter::bilinear, ImageFilter::area, ImageFilter::nearest}) {
      for (const auto resize : {ResizeKind::fit, ResizeKind::stretch}) {
        // Area in one direction and bilinear in the other has no one formula above.
        const bool mixed = (source.height < target.height) != (source.width < target.width);
        if (filter == ImageFilter::area && resize == ResizeKind::stretch && mixed) continue;
        BatchSpec spec;
        spec.size = target;
        spec.resize = resize;
        spec.filter = filter;
        spec.pad.value = -3;
        spec.augment = {0.5, 0.5, true};
        CAPTURE(source.height);
        CAPTURE(target.height);
        CAPTURE(static_cast<int>(filter));
        CAPTURE(static_cast<int>(resize));
        const auto batch = BatchMaker(one.bank, spec).sample(one.id, ++position);
        CHECK(Size{batch->height, batch->width} == target);
        check_image(spec, *batch, one.image(), unmapped, 0.002);
      }
    }
  }
}

TEST_CASE("loader: a crop is taken out of the slice and padded where the slice is smaller") {
  const OneSample one = gradient(40, 60, 2);
  BatchSpec spec;
  spec.crop.where = CropSpec::Where::centre;
  spec.crop.size = Size{24, 31};
  spec.layout = Layout::nhwc;

  auto batch = load_sample(one.bank, one.id, spec);
  CHECK(batch->items[0].placement.crop == Box{14, 8, 45, 32});
  check_image(spec, *batch, one.image(), unmapped, 0);

  spec.crop.size = Size{48, 20};
  spec.pad.value = 7;
  batch = load_sample(one.bank, one.id, spec);
  CHECK(Size{batch->height, batch->width} == Size{48, 20});
  CHECK(batch->items[0].placement.inner == Box{0, 4, 20, 44});
  check_image(spec, *batch, one.image(), unmapped, 0);

  spec.pad.align = PadSpec::Align::top_left;
  batch = load_sample(one.bank, one.id, spec);
  CHECK(batch->items[0].placement.inner == Box{0, 0, 20, 40});
  check_image(spec, *batch, one.image(), unmapped, 0);
}

TEST_CASE("loader: fit keeps the aspect and rounds half up") {
  const OneSample one = gradient(30, 60, 1);
  BatchSpec spec;
  spec.resize = ResizeKind::fit;
  spec.size = Size{25, 25};

  const auto batch = load_sample(one.bank, one.id, spec);

  CHECK(batch->items[0].placement.inner == Box{0, 6, 25, 19});  // 12.5 becomes 13
}

TEST_CASE("loader: random crops reach every place, and only those inside") {
  const OneSample one = gradient(6, 9, 1);
  BatchSpec spec;
  spec.crop.where = CropSpec::Where::random;
  spec.crop.size = Size{5, 7};
  const BatchMaker maker(one.bank, spec);
  std::array<int, 6> seen{};
  for (std::uint64_t position = 0; position < 600; ++position) {
    const auto batch = maker.sample(one.id, position, {kSeed, 3});
    const Box crop = batch->items[0].placement.crop;
    REQUIRE(crop.x1 <= 9);
    REQUIRE(crop.y1 <= 6);
    ++seen[crop.y0 * 3 + crop.x0];
    if (position < 20) check_image(spec, *batch, one.image(), unmapped, 0);
  }
  for (const int count : seen) CHECK(std::abs(count - 100) < 45);  // 5 standard deviations
}

TEST_CASE("loader: flips and quarter turns are drawn evenly and move as numpy's rot90") {
  const OneSample one = gradient(8, 8, 1);
  BatchSpec spec;
  spec.augment.rot90 = true;
  const BatchMaker turns(one.bank, spec);
  std::array<int, 4> seen{};
  for (std::uint64_t position = 0; position < 400; ++position) {
    const auto batch = turns.sample(one.id, position);
    check_image(spec, *batch, one.image(), unmapped, 0);
    // What each corner of the output holds says which turn it was.
    const double corner = static_cast<double>(batch->images.as<float>()[0]);
    if (corner == value_of(one.image(), 0, 0, 0)) ++seen[0];
    if (corner == value_of(one.image(), 0, 7, 0)) ++seen[1];  // against the clock
    if (corner == value_of(one.image(), 7, 7, 0)) ++seen[2];
    if (corner == value_of(one.image(), 7, 0, 0)) ++seen[3];
  }
  for (const int count : seen) CHECK(std::abs(count - 100) < 45);
  // A quarter is a turn and not a mirror image: the first row of the output is a column.
  for (std::uint64_t position = 0; position < 50; ++position) {
    const auto batch = turns.sample(one.id, position);
    const auto values = batch->images.as<float>();
    if (static_cast<double>(values[0]) != value_of(one.image(), 0, 7, 0)) continue;
    for (std::uint32_t x = 0; x < 8; ++x) {
      CHECK(static_cast<double>(values[x]) == value_of(one.image(), x, 7, 0));
    }
  }

  spec.augment = {1.0, 0.0, false};
  const auto mirrored = load_sample(one.bank, one.id, spec);
  CHECK(static_cast<double>(mirrored->images.as<float>()[0]) == value_of(one.image(), 0, 7, 0));
  spec.augment = {0.0, 1.0, false};
  const auto upside_down = load_sample(one.bank, one.id, spec);
  CHECK(static_cast<double>(upside_down->images.as<float>()[0]) == value_of(one.image(), 7, 0, 0));
}

TEST_CASE("loader: what is no square turns by halves only") {
  const OneSample one = gradient(4, 8, 1);
  BatchSpec spec;
  spec.augment.rot90 = true;
  const BatchMaker maker(one.bank, spec);
  int halves = 0;
  for (std::uint64_t position = 0; position < 100; ++position) {
    const auto batch = maker.sample(one.id, position);
    CHECK_FALSE(batch->items[0].placement.transpose);
    halves += batch->items[0].placement.flip_vertical ? 1 : 0;
    check_image(spec, *batch, one.image(), unmapped, 0);
  }
  CHECK(std::abs(halves - 50) < 25);
}

// --- Intensities.

struct Statistics {
  double mean = 0;
  double deviation = 0;
  std::vector<double> sorted;

  double percentile(double percent) const {
    const double place = percent / 100 * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(place));
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (place - std::floor(place));
  }
};

Statistics statistics(const Image& image, std::uint32_t channel) {
  Statistics found;
  for (std::uint32_t y = 0; y < image.shape.height; ++y) {
    for (std::uint32_t x = 0; x < image.shape.width; ++x) {
      const double value = value_of(image, y, x, channel);
      if (std::isfinite(value)) found.sorted.push_back(value);
    }
  }
  std::sort(found.sorted.begin(), found.sorted.end());
  for (const double each : found.sorted) found.mean += each;
  found.mean /= static_cast<double>(found.sorted.size());
  for (const double each : found.sorted) {
    found.deviation += (each - found.mean) * (each - found.mean);
  }
  found.deviation = std::sqrt(found.deviation / static_cast<double>(found.sorted.size()));
  return found;
}

std::vector<Image> images_of_every_type() {
  SplitMix random(kSeed);
  std::vector<Image> images;
  images.push_back(random_image<std::uint8_t>(PixelType::u8, 21, 17, 2, 256, random));
  images.push_back(random_image<std::int8_t>(PixelType::i8, 21, 17, 2, 256, random));
  images.push_back(random_image<std::uint16_t>(PixelType::u16, 21, 17, 2, 65536, random));
  images.push_back(random_image<std::int16_t>(PixelType::i16, 21, 17, 2, 65536, random));
  images.push_back(random_image<std::uint32_t>(PixelType::u32, 21, 17, 2, 1u << 20, random));
  images.push_back(random_image<std::int32_t>(PixelType::i32, 21, 17, 2, 1u << 20, random));
  images.push_back(random_image<float>(PixelType::f32, 21, 17, 2, 5000, random));
  images.push_back(random_image<double>(PixelType::f64, 21, 17, 2, 5000, random));
  return images;
}

TEST_CASE("loader: every way to map intensities, on every type of pixel") {
  using Kind = IntensitySpec::Kind;
  for (const Image& image : images_of_every_type()) {
    CAPTURE(std::string(pixel_type_name(image.shape.pixel_type)));
    DrawnSample sample;
    sample.image = image;
    const OneSample one(std::move(sample));
    const std::array<Statistics, 2> found{statistics(image, 0), statistics(image, 1)};
    for (const Kind kind : {Kind::none, Kind::window, Kind::percentile, Kind::min_max,
                            Kind::z_score, Kind::mean_std}) {
      CAPTURE(static_cast<int>(kind));
      BatchSpec spec;
      spec.intensity.kind = kind;
      spec.intensity.level = 60;
      spec.intensity.width = 80;
      spec.intensity.lower = 3.3;
      spec.intensity.upper = 91;
      spec.intensity.mean = {10, 20};
      spec.intensity.std = {4, 5};
      if (kind == Kind::percentile) spec.intensity.range = std::array<double, 2>{-1, 1};
      // A crop does not change what the statistics are of.
      spec.crop.where = CropSpec::Where::centre;
      spec.crop.size = Size{8, 8};
      const auto ranged = [](double value, double low, double high) {
        return (std::clamp(value, low, high) - low) / (high - low);
      };
      const auto map = [&](double value, std::uint32_t c) {
        const Statistics& of = found[c];
        switch (kind) {
          case Kind::none:
            return value;
          case Kind::window:
            return ranged(value, 20, 100);
          case Kind::percentile:
            return ranged(value, of.percentile(3.3), of.percentile(91)) * 2 - 1;
          case Kind::min_max:
            return ranged(value, of.sorted.front(), of.sorted.back());
          case Kind::z_score:
            return (value - of.mean) / of.deviation;
          case Kind::mean_std:
            return (value - (c == 0 ? 10 : 20)) / (c == 0 ? 4 : 5);
        }
        return 0.0;
      };
      const auto batch = load_sample(one.bank, one.id, spec);
      // Relative to the largest value there is.
      const double scale = std::max({1.0, std::abs(map(found[0].sorted.back(), 0)),
                                     std::abs(map(found[0].sorted.front(), 0))});
      check_image(spec, *batch, image, map, scale * 1e-5);
    }
  }
}

TEST_CASE("loader: what is not a finite number is left out of the statistics") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  DrawnSample sample;
  sample.image = image_of<float>(PixelType::f32, 2, 3, 1, {1, 2, 3, kNan, -kInfinity, kInfinity});
  const OneSample one(std::move(sample));
  BatchSpec spec;
  spec.intensity.kind = IntensitySpec::Kind::min_max;

  auto batch = load_sample(one.bank, one.id, spec);
  auto values = batch->images.as<float>();
  CHECK(values[0] == 0.0f);
  CHECK(values[1] == 0.5f);
  CHECK(values[2] == 1.0f);
  CHECK(std::isnan(values[3]));
  CHECK(values[4] == 0.0f);
  CHECK(values[5] == 1.0f);

  spec.pixel_type = PixelType::u8;
  batch = load_sample(one.bank, one.id, spec);
  const auto bytes = batch->images.as<std::uint8_t>();
  CHECK(bytes[1] == 128);  // 127.5, half to even
  CHECK(bytes[3] == 0);
}

TEST_CASE("loader: a slice of one value maps to one value") {
  DrawnSample sample;
  sample.image = image_of<std::int16_t>(PixelType::i16, 2, 2, 1, {5, 5, 5, 5});
  const OneSample one(std::move(sample));
  using Kind = IntensitySpec::Kind;
  for (const Kind kind : {Kind::min_max, Kind::percentile, Kind::z_score}) {
    BatchSpec spec;
    spec.intensity.kind = kind;
    const auto batch = load_sample(one.bank, one.id, spec);
    for (const float each : batch->images.as<float>()) CHECK(each == 0.0f);
  }
}

// --- Types, layouts, channels.

TEST_CASE("loader: output types round half to even and saturate") {
  DrawnSample sample;
  sample.image = image_of<float>(PixelType::f32, 1, 8, 1,
                                 {0.5f, 1.5f, 2.5f, -7.0f, 300.0f, 70000.0f, -40000.0f, 1e30f});
  const OneSample one(std::move(sample));
  const auto load = [&](PixelType type) {
    BatchSpec spec;
    spec.pixel_type = type;
    return load_sample(one.bank, one.id, spec);
  };
  const auto equal = [](auto span, const auto& wanted) {
    return std::equal(span.begin(), span.end(), wanted.begin(), wanted.end());
  };
  CHECK(equal(load(PixelType::u8)->images.as<std::uint8_t>(),
              std::vector<int>{0, 2, 2, 0, 255, 255, 0, 255}));
  CHECK(equal(load(PixelType::u16)->images.as<std::uint16_t>(),
              std::vector<int>{0, 2, 2, 0, 300, 65535, 0, 65535}));
  CHECK(equal(load(PixelType::i16)->images.as<std::int16_t>(),
              std::vector<int>{0, 2, 2, -7, 300, 32767, -32768, 32767}));
  CHECK(equal(load(PixelType::f16)->images.as<std::uint16_t>(),
              std::vector<int>{0x3800, 0x3e00, 0x4100, 0xc700, 0x5cb0, 0x7c00, 0xf8e2, 0x7c00}));
}

TEST_CASE("loader: halves are rounded to the nearest, ties to even, both ways for all") {
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<std::uint16_t>(half);
    const float value = half_to_float(bits);
    if (std::isnan(value)) {
      CHECK(std::isnan(half_to_float(float_to_half(value))));
      continue;
    }
    if (float_to_half(value) != bits) FAIL(half);
    // Halfway to the next one: the even neighbour; a little less or more: the nearer.
    const float next = half_to_float(static_cast<std::uint16_t>(half + 1));
    if ((half & 0x7fff) >= 0x7bff || std::isnan(next)) continue;
    const float middle = (value + next) / 2;
    const auto even = static_cast<std::uint16_t>((half & 1) == 0 ? half : half + 1);
    if (float_to_half(middle) != even) FAIL(half);
    if (float_to_half(std::nextafter(middle, value)) != bits) FAIL(half);
    if (float_to_half(std::nextafter(middle, next)) != half + 1) FAIL(half);
  }
  CHECK(float_to_half(65519.9f) == 0x7bff);
  CHECK(float_to_half(65520.0f) == 0x7c00);
}

TEST_CASE("loader: colour becomes grey, grey becomes colour, in both layouts") {
  SplitMix random(kSeed);
  DrawnSample colour;
  colour.image = random_image<std::uint8_t>(PixelType::u8, 5, 7, 3, 256, random);
  DrawnSample grey;
  grey.image = random_image<std::uint8_t>(PixelType::u8, 5, 7, 1, 256, random);
  DrawnSample two;
  two.image = random_image<std::uint8_t>(PixelType::u8, 5, 7, 2, 256, random);
  LoaderBank drawn;
  const SampleId colour_id = drawn.add(colour);
  const SampleId grey_id = drawn.add(grey);
  const SampleId two_id = drawn.add(two);
  const Bank bank = drawn.bank();

  BatchSpec spec;
  spec.channels = ChannelPolicy::gray;
  auto batch = load_batch(bank, std::vector{colour_id, grey_id}, spec);
  REQUIRE(batch->channels == 1);
  auto values = batch->images.as<float>();
  for (std::uint32_t i = 0; i < 35; ++i) {
    const double luma = 0.299 * value_of(colour.image, 0, i, 0) +
                        0.587 * value_of(colour.image, 0, i, 1) +
                        0.114 * value_of(colour.image, 0, i, 2);
    CHECK(static_cast<double>(values[i]) == doctest::Approx(luma).epsilon(1e-6));
    CHECK(static_cast<double>(values[35 + i]) == value_of(grey.image, 0, i, 0));
  }

  for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
    for (const bool own_means : {false, true}) {
      spec.channels = ChannelPolicy::rgb;
      spec.layout = layout;
      spec.intensity = {};
      if (own_means) {
        spec.intensity.kind = IntensitySpec::Kind::mean_std;
        spec.intensity.mean = {1, 2, 3};
        spec.intensity.std = {2, 4, 8};
      }
      batch = load_batch(bank, std::vector{colour_id, grey_id}, spec);
      REQUIRE(batch->channels == 3);
      values = batch->images.as<float>();
      for (std::uint32_t n = 0; n < 2; ++n) {
        const Image& image = n == 0 ? colour.image : grey.image;
        for (std::uint32_t c = 0; c < 3; ++c) {
          for (std::uint32_t i = 0; i < 35; ++i) {
            double wanted = value_of(image, 0, i, n == 0 ? c : 0);
            if (own_means) wanted = (wanted - (c + 1)) / (2 << c);
            const std::size_t at =
                n * 105 + (layout == Layout::nchw ? c * 35 + i : std::size_t{i} * 3 + c);
            CHECK(static_cast<double>(values[at]) == wanted);
          }
        }
      }
    }
  }

  CHECK_THROWS_WITH_AS(load_sample(bank, two_id, spec),
                       ("sample " + std::to_string(raw(two_id)) +
                        ": a slice of 2 channels is neither grey nor colour")
                           .c_str(),
                       Error);
}

TEST_CASE("loader: a batch as stored has the stored bytes, whatever way they take") {
  SplitMix random(kSeed);
  LoaderBank drawn;
  DrawnSample sample;
  sample.image = random_image<std::uint16_t>(PixelType::u16, 30, 20, 3, 65536, random);
  const SampleId id = drawn.add(sample);
  const Bank bank = drawn.bank();
  BatchSpec spec;
  spec.pixel_type = PixelType::u16;
  spec.layout = Layout::nhwc;

  auto batch = load_sample(bank, id, spec);
  REQUIRE(batch->images.size() == sample.image.image_hwc.size());
  CHECK(std::memcmp(batch->images.data(), sample.image.image_hwc.data(), batch->images.size()) ==
        0);

  spec.crop.where = CropSpec::Where::centre;  // a crop of everything
  spec.crop.size = Size{30, 20};
  spec.augment = {1e-300, 0, false};
  batch = load_sample(bank, id, spec);
  CHECK(std::memcmp(batch->images.data(), sample.image.image_hwc.data(), batch->images.size()) ==
        0);
}

TEST_CASE("loader: the area filter averages along the axis that shrinks alone") {
  AxisTaps rows;
  make_taps(9, 4, ImageFilter::area, rows);
  for (std::uint32_t i = 0; i < 4; ++i) {
    double sum = 0;
    double centre = 0;
    for (std::uint32_t k = 0; k < rows.taps; ++k) {
      const double weight = static_cast<double>(rows.weights[i * rows.taps + k]);
      sum += weight;
      centre += weight * (rows.first[i] + k + 0.5);
      CHECK(rows.first[i] + k < 9);
    }
    CHECK(sum == doctest::Approx(1));
    CHECK(centre == doctest::Approx((i + 0.5) * 9 / 4).epsilon(0.02));
  }
  AxisTaps grown;
  make_taps(4, 9, ImageFilter::area, grown);
  AxisTaps linear;
  make_taps(4, 9, ImageFilter::bilinear, linear);
  CHECK(grown.weights == linear.weights);
  CHECK(grown.first == linear.first);
}

TEST_CASE("loader: a spec that makes no sense is refused") {
  const OneSample one = gradient(4, 4, 1);
  const auto refused = [&](auto&& change) {
    BatchSpec spec;
    change(spec);
    try {
      const BatchMaker maker(one.bank, spec);
    } catch (const Error& error) {
      return error.code() == ErrorCode::bad_argument;
    }
    return false;
  };
  CHECK_FALSE(refused([](BatchSpec&) {}));
  CHECK(refused([](BatchSpec& spec) { spec.size = Size{0, 4}; }));
  CHECK(refused([](BatchSpec& spec) { spec.size = Size{4, 70'000}; }));
  CHECK(refused([](BatchSpec& spec) { spec.crop.where = CropSpec::Where::random; }));
  CHECK(refused([](BatchSpec& spec) { spec.resize = ResizeKind::fit; }));
  CHECK(refused([](BatchSpec& spec) { spec.pixel_type = PixelType::f64; }));
  CHECK(refused([](BatchSpec& spec) { spec.augment.flip_vertical = 1.1; }));
  CHECK(refused([](BatchSpec& spec) { spec.crop.probability = std::nan(""); }));
  CHECK(refused([](BatchSpec& spec) { spec.targets.mask_channels = true; }));
  CHECK(refused([](BatchSpec& spec) { spec.targets.classes = {ClassId{999'999}}; }));
  CHECK(refused([](BatchSpec& spec) {
    spec.intensity.kind = IntensitySpec::Kind::window;
    spec.intensity.width = 0;
  }));
  CHECK(refused([](BatchSpec& spec) {
    spec.intensity.kind = IntensitySpec::Kind::mean_std;
    spec.intensity.mean = {1, 2};
    spec.intensity.std = {1};
  }));
  CHECK(refused([](BatchSpec& spec) {
    spec.intensity.kind = IntensitySpec::Kind::percentile;
    spec.intensity.upper = 0.1;
  }));
}

TEST_CASE("loader: a slice that does not fit is an error that names it") {
  const OneSample one = gradient(20, 30, 1);
  BatchSpec spec;
  spec.size = Size{16, 40};
  const std::string name = "sample " + std::to_string(raw(one.id));
  CHECK_THROWS_WITH_AS(
      load_sample(one.bank, one.id, spec),
      (name + ": a slice of 20 x 30 pixels does not fit an output of 16 x 40").c_str(), Error);
}

}  // namespace
}  // namespace slicebank
