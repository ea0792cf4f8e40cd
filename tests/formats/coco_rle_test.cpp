#include "formats/coco_rle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "oracle_cases.h"
#include "schema/error.h"
#include "tests/support/shared_data.h"

namespace slicebank {
namespace {

using PixelMask = std::vector<std::uint8_t>;
using Polygons = std::vector<std::vector<double>>;

std::uint64_t fnv(std::uint64_t hash, const PixelMask& mask) {
  for (const std::uint8_t value : mask) hash = (hash ^ value) * 0x100000001b3u;
  return hash;
}

// COCO's rule again, the slow way: every point of the outline on the five times finer grid,
// one after the other, as the public description tells it.
PixelMask walk_every_step(const Polygons& polygons, int height, int width) {
  PixelMask mask(static_cast<std::size_t>(height * width));
  for (const std::vector<double>& polygon : polygons) {
    const std::size_t corners = polygon.size() / 2;
    std::vector<int> us;
    std::vector<int> vs;
    for (std::size_t i = 0; i < corners; ++i) {
      const std::size_t next = (i + 1) % corners;
      int xs = static_cast<int>(5 * polygon[2 * i] + 0.5);
      int ys = static_cast<int>(5 * polygon[2 * i + 1] + 0.5);
      int xe = static_cast<int>(5 * polygon[2 * next] + 0.5);
      int ye = static_cast<int>(5 * polygon[2 * next + 1] + 0.5);
      const int dx = std::abs(xe - xs);
      const int dy = std::abs(ye - ys);
      const bool flip = dx >= dy ? xs > xe : ys > ye;
      if (flip) std::swap(xs, xe);
      if (flip) std::swap(ys, ye);
      const int steps = std::max(dx, dy);
      const double slope =
          steps == 0 ? 0 : static_cast<double>(dx >= dy ? ye - ys : xe - xs) / steps;
      for (int step = 0; step <= steps; ++step) {
        const int t = flip ? steps - step : step;
        us.push_back(dx >= dy ? xs + t : static_cast<int>(xs + slope * t + 0.5));
        vs.push_back(dx >= dy ? static_cast<int>(ys + slope * t + 0.5) : ys + t);
      }
    }
    std::vector<std::uint8_t> flips(static_cast<std::size_t>(height * width) + 1);
    for (std::size_t i = 1; i < us.size(); ++i) {
      if (us[i] == us[i - 1]) continue;
      const double x = (std::min(us[i], us[i - 1]) + 0.5) / 5 - 0.5;
      if (std::floor(x) != x || x < 0 || x > width - 1) continue;
      const double y = (std::min(vs[i], vs[i - 1]) + 0.5) / 5 - 0.5;
      const int row = static_cast<int>(std::ceil(std::clamp(y, 0.0, static_cast<double>(height))));
      flips[static_cast<std::size_t>(static_cast<int>(x) * height + row)] ^= 1;
    }
    std::uint8_t inside = 0;
    for (int at = 0; at < height * width; ++at) {
      inside ^= flips[static_cast<std::size_t>(at)];
      mask[static_cast<std::size_t>(at % height * width + at / height)] |= inside;
    }
  }
  return mask;
}

// Polygons of every kind: convex, crossing themselves, thin, far outside, on half pixels.
// The numbers are the same on every machine.
struct PolygonSource {
  std::mt19937_64 random;

  double coordinate(int side) {
    const auto scale = static_cast<double>(random() % 4 == 0 ? 3 * side : side);
    const double value = static_cast<double>(random() % 1'000'000) / 1e6 * scale -
                         (scale > side ? static_cast<double>(side) : 0);
    switch (random() % 4) {
      case 0:
        return std::floor(value);
      case 1:
        return std::floor(value) + 0.5;
      case 2:
        return std::floor(value * 10) / 10;
      default:
        return value;
    }
  }

  Polygons next(int height, int width) {
    Polygons polygons(1 + random() % 3);
    for (std::vector<double>& polygon : polygons) {
      for (std::size_t corner = 3 + random() % 12; corner > 0; --corner) {
        polygon.push_back(coordinate(width));
        polygon.push_back(coordinate(height));
      }
    }
    return polygons;
  }
};

ErrorCode code_of(const std::string& text, std::uint32_t height, std::uint32_t width) {
  try {
    coco::from_string(text, height, width, "x.json");
  } catch (const Error& error) {
    CHECK(std::string(error.what()).starts_with("x.json"));
    return error.code();
  }
  return ErrorCode{};
}

}  // namespace

TEST_CASE("coco_rle: polygons become the pixels of COCO's rule") {
  const std::uint64_t seed = 2014;
  CAPTURE(seed);
  PolygonSource source{std::mt19937_64(seed)};
  std::uint64_t hash = 0xcbf29ce484222325u;
  const char* dump = std::getenv("SLICEBANK_COCO_DUMP");  // for a comparison by hand
  std::ofstream out(dump == nullptr ? "/dev/null" : dump, std::ios::binary);

  for (int round = 0; round < 1500; ++round) {
    CAPTURE(round);
    const int height = static_cast<int>(1 + source.random() % 60);
    const int width = static_cast<int>(1 + source.random() % 60);
    const Polygons polygons = source.next(height, width);
    const PixelMask mask = coco::mask_from_polygons(polygons, static_cast<std::uint32_t>(height),
                                                    static_cast<std::uint32_t>(width), "x.json");
    REQUIRE(mask == walk_every_step(polygons, height, width));
    hash = fnv(hash, mask);
    out << height << " " << width;
    out.precision(17);
    for (const auto& polygon : polygons) {
      out << ";";
      for (const double number : polygon) out << number << " ";
    }
    out << "\t";
    for (const std::uint8_t value : mask) out << static_cast<char>('0' + value);
    out << "\n";
  }

  // pycocotools 2.0.11 draws these 1500 the same to the last pixel.
  CHECK(hash == 7623462621982040911u);
}

TEST_CASE("coco_rle: a polygon of whole pixels covers them") {
  const Polygons square = {{2, 1, 5, 1, 5, 4, 2, 4}};
  const PixelMask mask = coco::mask_from_polygons(square, 6, 7, "x.json");
  PixelMask expected(42);
  for (std::size_t y = 1; y < 4; ++y) {
    for (std::size_t x = 2; x < 5; ++x) expected[y * 7 + x] = 1;
  }
  CHECK(mask == expected);
  CHECK(coco::mask_from_polygons({}, 2, 3, "x.json") == PixelMask(6));
}

TEST_CASE("coco_rle: huge coordinates take no time, and absurd ones are refused") {
  const Polygons huge = {{-9e7, -9e7, 9e7, -9e7, 9e7, 9e7, -9e7, 9e7}};
  CHECK(coco::mask_from_polygons(huge, 3, 3, "x.json") == PixelMask(9, 1));
  for (const std::vector<double>& polygon : Polygons{{0, 0, 1, 1, 2},
                                                     {0, 0, 1, 1},
                                                     {},
                                                     {0, 0, 1, 1, 2, NAN},
                                                     {0, 0, 1, INFINITY, 2, 2},
                                                     {0, 0, 1, 1e300, 2, 2}}) {
    CHECK_THROWS_AS(coco::mask_from_polygons(Polygons{polygon}, 3, 3, "x.json"), Error);
  }
  CHECK_THROWS_AS(coco::mask_from_polygons({}, 0, 3, "x.json"), Error);
  CHECK_THROWS_AS(coco::mask_from_polygons({}, 70'000, 3, "x.json"), Error);
}

TEST_CASE("coco_rle: every mask survives runs and strings") {
  const std::uint64_t seed = 8;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    const auto height = static_cast<std::uint32_t>(1 + random() % 70);
    const auto width = static_cast<std::uint32_t>(1 + random() % 70);
    PixelMask mask(height * width);
    const std::uint64_t density = random() % 40;
    std::uint8_t value = 0;
    for (std::uint8_t& pixel : mask) pixel = value ^= density == 0 || random() % density == 0;

    const coco::Rle rle = coco::from_mask(mask, height, width);
    const coco::Rle again = coco::from_string(coco::to_string(rle), height, width, "x.json");

    REQUIRE(again == rle);
    REQUIRE(coco::to_mask(again) == mask);
    const auto area = static_cast<std::uint64_t>(std::count(mask.begin(), mask.end(), 1));
    CHECK(coco::area(rle) == area);
    Box box{width, height, 0, 0};
    for (std::uint32_t y = 0; y < height; ++y) {
      for (std::uint32_t x = 0; x < width; ++x) {
        if (mask[y * width + x] == 0) continue;
        box = {std::min(box.x0, x), std::min(box.y0, y), std::max(box.x1, x + 1),
               std::max(box.y1, y + 1)};
      }
    }
    CHECK(coco::box(rle) == (area == 0 ? Box{} : box));
  }
}

TEST_CASE("coco_rle: the runs are in column order and begin with zeros") {
  const PixelMask mask = {1, 0, 0,  //
                          1, 1, 0};
  const coco::Rle rle = coco::from_mask(mask, 2, 3);
  CHECK(rle.counts == std::vector<std::uint32_t>{0, 2, 1, 1, 2});
  const std::vector<std::uint64_t> with_empty_runs = {0, 1, 0, 1, 1, 1, 0, 0, 2};
  CHECK(coco::from_counts(with_empty_runs, 2, 3, "x.json") == rle);
}

TEST_CASE("coco_rle: damaged runs are errors that name their file") {
  const std::vector<std::uint64_t> longer = {3, 4};
  const std::vector<std::uint64_t> shorter = {3, 2};
  const std::vector<std::uint64_t> wrapping = {3, ~std::uint64_t{0} - 2, 6};
  for (const auto& counts : {longer, shorter, wrapping, {}}) {
    CHECK_THROWS_AS(coco::from_counts(counts, 2, 3, "x.json"), Error);
  }
  CHECK(code_of("06", 2, 3) == ErrorCode{});
  CHECK(code_of("06", 2, 4) == ErrorCode::bad_format);
  CHECK(code_of("", 2, 3) == ErrorCode::bad_format);
  CHECK(code_of("P", 2, 3) == ErrorCode::bad_format);            // ends inside a number
  CHECK(code_of("0 6", 2, 3) == ErrorCode::bad_format);          // a space
  CHECK(code_of("O6", 2, 3) == ErrorCode::bad_format);           // negative
  CHECK(code_of("oooooooooo0", 2, 3) == ErrorCode::bad_format);  // ten digits
  CHECK(code_of("06", 0, 3) != ErrorCode{});
  CHECK(code_of("06", 65'536, 3) == ErrorCode::limit);
}

TEST_CASE("coco_rle: the real results decode as pycocotools decodes them") {
  SLICEBANK_SHARED_OR_SKIP(path, "cocoapi/instances_val2014_fakesegm100_results.json");
  const std::vector<std::byte> bytes = testing::read_bytes(path);
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string size_key = "\"size\":[";
  const std::string counts_key = "\"counts\":\"";
  int found = 0;
  std::uint64_t area = 0;
  std::uint64_t boxes = 0;
  for (std::size_t at = 0; (at = text.find(size_key, at)) != std::string::npos;) {
    at += size_key.size();
    const auto height = static_cast<std::uint32_t>(std::stoul(text.substr(at)));
    const auto width = static_cast<std::uint32_t>(std::stoul(text.substr(text.find(',', at) + 1)));
    at = text.find(counts_key, at) + counts_key.size();
    std::string counts;
    for (; text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
      counts += text[at];
    }

    const coco::Rle rle = coco::from_string(counts, height, width, path.string());
    CHECK(coco::to_string(rle) == counts);
    CHECK(coco::from_mask(coco::to_mask(rle), height, width) == rle);
    const Box box = coco::box(rle);
    area += coco::area(rle);
    boxes += box.x0 + 2 * box.y0 + 3 * (box.x1 - box.x0) + 4 * (box.y1 - box.y0);
    ++found;
  }
  // What pycocotools 2.0.11 finds in them.
  CHECK(found == 734);
  CHECK(area == 7766804);
  CHECK(boxes == 956188);
}

}  // namespace slicebank
